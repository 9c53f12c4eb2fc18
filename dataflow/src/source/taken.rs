//! How far a job had come: which packets of which bundle are bound, so that a start on the same input goes on behind them.
//!
//! A bundle that was read twice in one job is there twice; each time it is met again, one of them is used up. Standard input
//! is never the same.

use crate::flow::feed::Binding;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// What is bound of each bundle, in the order of the job.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken(BTreeMap<String, VecDeque<(u64, bool)>>);

impl Taken {
    /// By bindings, in their order.
    pub fn of<'a>(bindings: impl IntoIterator<Item = &'a Binding>) -> Taken {
        Taken::default().then(bindings)
    }

    /// With what was bound then.
    pub fn then<'a>(mut self, bindings: impl IntoIterator<Item = &'a Binding>) -> Taken {
        for binding in bindings {
            if let Some(origin) = &binding.origin {
                self.open(&origin.bundle).0 = binding.first + binding.packets;
            }
            if let Some(file) = &binding.marks.file {
                self.open(file).1 = true;
            }
        }
        self
    }

    /// The last entry of a bundle, if that has not come to its end.
    fn open(&mut self, bundle: &str) -> &mut (u64, bool) {
        let entries = self.0.entry(bundle.to_owned()).or_default();
        if entries.back().is_none_or(|(_, over)| *over) {
            entries.push_back((0, false));
        }
        let last = entries.len() - 1;
        &mut entries[last]
    }

    /// How many packets are bound of a bundle that is met, and whether it has no others.
    pub fn next(&mut self, bundle: &str) -> (u64, bool) {
        let entries = self.0.get_mut(bundle).filter(|_| bundle != "-");
        entries.and_then(VecDeque::pop_front).unwrap_or((0, false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{Marks, Origin};
    use skydiff_operators::Epoch;
    use skydiff_schemas::MicroDays;

    #[test]
    fn a_job_goes_on_behind_what_is_bound() {
        let binding = |bundle: &str, first, packets, ends: bool| Binding {
            epoch: Epoch(0),
            origin: (packets > 0).then(|| Origin {
                bundle: bundle.into(),
                partition: 0,
                rank: 0,
                received: MicroDays(0),
            }),
            first,
            packets,
            bytes: 0,
            marks: Marks { file: ends.then(|| bundle.into()), ..Marks::default() },
            recorded: None,
        };
        let bound = [
            binding("a", 0, 5, false),
            binding("a", 5, 3, true),
            binding("b", 0, 4, false),
            binding("empty", 0, 0, true),
            binding("-", 0, 9, true),
            binding("a", 0, 2, false),
        ];
        let mut taken = Taken::of(&bound);
        assert_eq!(
            ["a", "b", "empty", "c", "-"].map(|b| taken.next(b)),
            [(8, true), (4, false), (0, true), (0, false), (0, false)]
        );
        assert_eq!([taken.next("a"), taken.next("a")], [(2, false), (0, false)]);
    }
}
