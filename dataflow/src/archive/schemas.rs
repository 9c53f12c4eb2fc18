//! The writer schemas that packets need, beside them: who has the archive can decode `packets/`, without us and without the
//! survey's registry.
//!
//! Packets in Avro containers carry theirs. Of the others each schema is put, if absent, before the manifest that names its
//! packets: those that are built in, and those of the job's folder; what a registry answered is kept when it answers.

use super::dataset::PacketRow;
use super::store::Store;
use crate::kafka::registry::schema_path;
use crate::source::SchemaText;
use crate::writer::confluent_id;
use skydiff_schemas::survey::SURVEYS;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

/// The schemas of a job.
#[derive(Clone, Debug, Default)]
pub struct Used {
    /// Of its folder.
    own: Arc<BTreeMap<u32, String>>,
    /// What the archive has by now.
    kept: Arc<Mutex<BTreeSet<u32>>>,
}

impl Used {
    /// Of a job with these schemas in its folder.
    pub fn new(own: BTreeMap<u32, String>) -> Used {
        Used { own: Arc::new(own), kept: Arc::default() }
    }

    /// Keeps the schemas of packets that are to be archived.
    pub fn keep(&self, store: &Store, packets: &[PacketRow]) -> Result<(), String> {
        let mut names: Vec<&str> = packets.iter().map(|row| row.schema.as_str()).collect();
        names.dedup();
        let ids: BTreeSet<u32> = names.into_iter().filter_map(confluent_id).collect();
        for id in ids {
            let is_kept = self.kept.lock().is_ok_and(|kept| kept.contains(&id));
            let text = self.own.get(&id).cloned().or_else(|| built_in(id));
            if let Some(text) = text.filter(|_| !is_kept) {
                // One that lies there decoded what came before it.
                store.wait(store.claim(&schema_path(id), &text.into()))?;
                let _ = self.kept.lock().map(|mut kept| kept.insert(id));
            }
        }
        Ok(())
    }
}

/// Leaves out what every decoder has.
pub fn not_built_in(mut schemas: BTreeMap<u32, SchemaText>) -> BTreeMap<u32, SchemaText> {
    schemas.retain(|id, text| built_in(*id).as_deref() != Some(text.text()));
    schemas
}

fn built_in(id: u32) -> Option<String> {
    SURVEYS.iter().find_map(|survey| survey.writer_schema(id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::registry::archived;
    use object_store::memory::InMemory;
    use skydiff_operators::Epoch;
    use skydiff_schemas::MicroDays;
    use std::time::Duration;

    #[test]
    fn schemas_are_kept_once_and_what_is_built_in_does_not_travel() {
        let store = Store::over(Arc::new(InMemory::new()), Duration::ZERO).unwrap();
        let row = |id: u32| PacketRow {
            epoch: Epoch(0),
            alerts: Vec::new(),
            topic: String::new(),
            partition: 0,
            number: 0,
            name: String::new(),
            received: MicroDays(0),
            rank: 0,
            schema: crate::writer::describe(&[&[0][..], &id.to_be_bytes(), b"."].concat()),
            records: 1,
            left_out: 0,
            bytes: bytes::Bytes::new(),
        };
        let used = Used::new(BTreeMap::from([(7, "\"string\"".to_owned()), (900, "\"int\"".to_owned())]));
        let mut container = row(0);
        container.schema = "ztf.alert 4.02".into();
        used.keep(&store, &[row(1101), row(7), row(12_345), row(900), container, row(1101)]).unwrap();
        let kept = archived(&store).unwrap();
        assert_eq!(kept.keys().copied().collect::<Vec<_>>(), [7, 900, 1101]);
        assert_eq!(kept[&1101].text(), built_in(1101).unwrap());
        let travel = not_built_in(kept);
        assert_eq!(travel.keys().copied().collect::<Vec<_>>(), [7, 900], "900 is not what is built in");
        let other = Used::new(BTreeMap::from([(7, "\"long\"".to_owned())]));
        other.keep(&store, &[row(7)]).unwrap();
        assert_eq!(archived(&store).unwrap()[&7].text(), "\"string\"");
    }
}
