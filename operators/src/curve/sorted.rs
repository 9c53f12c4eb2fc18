//! A map of few entries, in order: an object has two or three bands and hardly more series.
//!
//! A tree's node has room for eleven of the large values kept here; this has room for what there is.

/// A sorted vector of keys and values.
#[derive(Debug)]
pub struct Sorted<K, V>(Vec<(K, V)>);

impl<K, V> Default for Sorted<K, V> {
    fn default() -> Self {
        Sorted(Vec::new())
    }
}

impl<K: Ord + Copy, V> Sorted<K, V> {
    /// The value of a key, if it is there.
    pub fn get(&self, key: K) -> Option<&V> {
        self.find(key).ok().map(|at| &self.0[at].1)
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, key: K) -> Option<&mut V> {
        self.find(key).ok().map(|at| &mut self.0[at].1)
    }

    /// The value of a key, which gets the default one if there is none.
    pub fn or_default(&mut self, key: K) -> &mut V
    where
        V: Default,
    {
        let at = self.find(key).unwrap_or_else(|at| {
            self.0.insert(at, (key, V::default()));
            at
        });
        &mut self.0[at].1
    }

    /// Takes an entry away.
    pub fn remove(&mut self, key: K) {
        if let Ok(at) = self.find(key) {
            self.0.remove(at);
        }
    }

    /// All entries, in order.
    pub fn iter(&self) -> impl Iterator<Item = (K, &V)> {
        self.0.iter().map(|(key, value)| (*key, value))
    }

    /// The same, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (K, &mut V)> {
        self.0.iter_mut().map(|(key, value)| (*key, value))
    }

    /// All values, in order of their keys.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.0.iter().map(|(_, value)| value)
    }

    fn find(&self, key: K) -> Result<usize, usize> {
        self.0.binary_search_by_key(&key, |(key, _)| *key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn is_a_map(steps in prop::collection::vec((0u8..6, any::<bool>(), any::<u16>()), 0..40)) {
            let (mut sorted, mut map) = (Sorted::default(), BTreeMap::new());
            for (key, put, value) in steps {
                if put {
                    *sorted.or_default(key) = value;
                    map.insert(key, value);
                } else {
                    sorted.remove(key);
                    map.remove(&key);
                }
                if let Some(value) = sorted.get_mut(3) {
                    *value = value.wrapping_add(1);
                }
                map.entry(3).and_modify(|value| *value = value.wrapping_add(1));
                prop_assert!(sorted.iter().map(|(key, value)| (key, *value)).eq(map.clone()));
                prop_assert_eq!(sorted.get(key), map.get(&key));
                prop_assert!(sorted.values().eq(map.values()));
                prop_assert!(sorted.iter_mut().map(|(key, value)| (key, *value)).eq(map.clone()));
            }
        }
    }
}
