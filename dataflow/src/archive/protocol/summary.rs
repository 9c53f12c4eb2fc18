//! What a start must know of the manifests up to a snapshot, so that it reads only those behind it.
//!
//! Written beside the snapshot of the same epoch. It says nothing that the manifests do not: whoever has these can make it
//! again, `verify` holds it against them, and a start that cannot use it reads them all. It names the bytes of its last
//! manifest, so that those behind it are chained to it as to the manifests themselves.

use super::chain::Chain;
use super::layout::Layout;
use super::manifest::Bound;
use super::names::{LayoutNumber, Sum};
use crate::flow::feed::Binding;
use crate::kafka::positions::Positions;
use crate::source::{Night, Taken};
use serde::{Deserialize, Serialize};
use skydiff_operators::Epoch;

/// The manifests up to an epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// The last epoch of the last of them: its name.
    pub through: Epoch,
    /// The first epoch of the last of them, whose name that is.
    pub first: Epoch,
    /// The bytes of the last of them.
    pub head: Sum,
    /// How many they are.
    pub manifests: u64,
    /// The first layout that may say something of files behind them.
    pub layout: LayoutNumber,
    /// What was in force, from which epoch on.
    pub settings: Vec<(Epoch, Sum)>,
    /// All epochs since the last of these began, as one.
    pub known: Bound,
    /// The newest night of them.
    pub night: Option<Night>,
    /// What is bound of bundles.
    pub taken: Taken,
    /// What is bound of partitions.
    pub positions: Positions,
    /// Of all of the above.
    sum: Option<Sum>,
}

impl Summary {
    /// Where that of an epoch is.
    pub fn path(through: Epoch) -> String {
        format!("summaries/{:012}.json", through.0)
    }

    /// The epoch of the summary that a path is.
    pub fn of_path(path: &str) -> Option<Epoch> {
        let digits = path.strip_prefix("summaries/")?.strip_suffix(".json")?;
        digits.parse().ok().map(Epoch)
    }

    /// Of a chain, whole or itself summed up, and the layouts that were listed after it; `None` of an empty one.
    pub fn of(chain: &Chain, layouts: &[Layout]) -> Option<Summary> {
        let last = chain.manifests().last()?;
        let (through, begin) = (last.last, chain.begin(last.last));
        let restated = chain.restated().filter_map(|epoch| Some((epoch, chain.settings(epoch)?.clone())));
        let settings = [(Epoch(0), chain.settings(Epoch(0))?.clone())].into_iter().chain(restated).collect();
        let bounds = chain.bounds().filter(|bound| bound.binding.epoch >= begin);
        let known = bounds.cloned().reduce(Bound::join)?;
        let next = chain.summed().map_or(LayoutNumber(0), |summed| summed.layout);
        let is_past = |layout: &&Layout| {
            let new = layout.replaced.iter().flat_map(|one| &one.new).map(|file| file.descriptor.epochs.1);
            new.chain(layout.expired.iter().map(|one| one.through)).all(|epoch| epoch <= through)
        };
        let past = layouts.iter().filter(|layout| layout.number >= next).take_while(is_past).last();
        let mut summary = Summary {
            through,
            first: last.first,
            head: chain.head()?.clone(),
            manifests: chain.len(),
            layout: past.map_or(next, |layout| LayoutNumber(layout.number.0 + 1)),
            settings,
            known,
            night: chain.night(),
            taken: chain.taken(),
            positions: chain.positions(),
            sum: None,
        };
        summary.sum = Some(summary.own_sum().ok()?);
        Some(summary)
    }

    /// Whether it says the same as another, but for where layouts begin.
    pub fn is_but_for_layouts(&self, other: &Summary) -> bool {
        let own = Summary { sum: None, layout: LayoutNumber(0), ..self.clone() };
        own == Summary { sum: None, layout: LayoutNumber(0), ..other.clone() }
    }

    /// As it is stored: equal summaries have equal bytes.
    pub fn encode(&self) -> Result<Vec<u8>, String> {
        let mut bytes = serde_json::to_vec(self).map_err(|error| format!("a summary cannot be written: {error}"))?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Reads what [`Summary::encode`] wrote. The error says what is wrong.
    pub fn decode(bytes: &[u8]) -> Result<Summary, String> {
        let summary: Summary = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        match summary.sum.as_ref() == Some(&summary.own_sum()?) {
            true => Ok(summary),
            false => Err("it was altered".into()),
        }
    }

    fn own_sum(&self) -> Result<Sum, String> {
        Ok(Sum::of(&Summary { sum: None, ..self.clone() }.encode()?))
    }
}

impl Bound {
    /// Two epochs as one, which has the number of the later one.
    fn join(self, later: Bound) -> Bound {
        let Bound { binding: before, mut clocks, mut read } = self;
        let origin = later.binding.origin.or(before.origin);
        let (packets, bytes) = (before.packets + later.binding.packets, before.bytes + later.binding.bytes);
        later.clocks.iter().for_each(|(survey, time)| clocks.advance(survey, time));
        read.merge(&later.read);
        Bound { binding: Binding { origin, packets, bytes, ..later.binding }, clocks, read }
    }
}

#[cfg(test)]
mod tests {
    use super::super::layout::{Expired, Replaced};
    use super::super::manifest::Manifest;
    use super::super::manifest::tests::manifest;
    use super::*;
    use crate::archive::dataset::Dataset;
    use crate::source::{Marks, Origin, Range};
    use skydiff_schemas::{MicroDays, SurveyId};

    /// Manifests of two epochs each, the settings of which change at the third.
    fn manifests(many: u64) -> Vec<(Epoch, Vec<u8>)> {
        let mut head = None;
        let one = |at: u64| {
            let mut one = manifest(2 * at..=2 * at + 1, 1, head.take());
            one.settings = Sum::of(if at < 2 { b"a" } else { b"b" });
            for (place, bound) in (0..).zip(&mut one.epochs) {
                let received = MicroDays(60_000_000_000 + i64::try_from(at).unwrap() * 1_000_000);
                let bundle = format!("night {}", at / 2);
                let (first, packets) = (4 * (at % 2) + 2 * place, 2);
                bound.binding.marks = Marks {
                    file: (at % 2 == 1 && place == 1).then(|| bundle.clone()),
                    ranges: vec![Range { topic: "t".into(), partition: 0, from: at, to: at + 1, gap: 0 }],
                    ..Marks::default()
                };
                bound.binding.origin = Some(Origin { bundle, partition: 0, rank: 0, received });
                (bound.binding.first, bound.binding.packets, bound.binding.bytes) = (first, packets, 10);
                bound.clocks.advance(SurveyId(0), MicroDays(i64::try_from(7 * at % 5).unwrap()));
                bound.read.received = 2;
            }
            let bytes = one.encode().unwrap();
            head = Some(Sum::of(&bytes));
            (one.first, bytes)
        };
        (0..many).map(one).collect()
    }

    fn summed(manifests: &[(Epoch, Vec<u8>)], upto: usize) -> Chain {
        let summary = Summary::of(&Chain::of(manifests[..upto].to_vec()).unwrap(), &[]).unwrap();
        let read = Summary::decode(&summary.encode().unwrap()).unwrap();
        assert_eq!(read, summary);
        let mut chain = Chain::behind(read, &manifests[upto - 1].1).unwrap();
        manifests[upto..].iter().for_each(|(first, bytes)| chain.add(*first, bytes).unwrap());
        chain
    }

    #[test]
    fn what_a_start_asks_is_answered_as_by_all_manifests() {
        let manifests = manifests(8);
        let whole = Chain::of(manifests.clone()).unwrap();
        for upto in 1..=manifests.len() {
            let chain = summed(&manifests, upto);
            assert!(chain.summed().is_some() && whole.summed().is_none());
            assert_eq!((chain.last(), chain.next(), chain.head()), (whole.last(), whole.next(), whole.head()));
            assert_eq!(chain.manifests().last(), whole.manifests().last());
            assert_eq!(chain.manifests().len(), manifests.len() - upto + 1);
            assert_eq!(chain.restated().collect::<Vec<_>>(), whole.restated().collect::<Vec<_>>(), "{upto}");
            for epoch in (0..20).map(Epoch) {
                assert_eq!((chain.begin(epoch), chain.settings(epoch)), (whole.begin(epoch), whole.settings(epoch)));
            }
            assert_eq!((chain.taken(), chain.positions()), (whole.taken(), whole.positions()));
            assert_eq!((chain.night(), chain.len()), (whole.night(), whole.len()));
            // Of a summary and what is behind it the summary is that of all.
            assert_eq!(Summary::of(&chain, &[]), Summary::of(&whole, &[]), "{upto}");
        }
    }

    #[test]
    fn what_is_altered_or_of_another_chain_is_found() {
        let manifests = manifests(3);
        let summary = Summary::of(&Chain::of(manifests.clone()).unwrap(), &[]).unwrap();
        let mut altered = summary.clone();
        altered.known.binding.packets += 1;
        assert!(Summary::decode(&altered.encode().unwrap()).unwrap_err().contains("altered"));
        assert!(Summary::decode(&summary.encode().unwrap()[..40]).is_err());
        let other = Manifest { digest: "f".into(), ..Manifest::decode(&manifests[2].1).unwrap() };
        assert!(Chain::behind(summary, &other.encode().unwrap()).is_err());
        assert_eq!(Summary::of(&Chain::default(), &[]), None);
        assert_eq!(Summary::of_path(&Summary::path(Epoch(12))), Some(Epoch(12)));
    }

    #[test]
    fn layouts_that_say_something_of_what_is_behind_are_read() {
        let chain = Chain::of(manifests(3)).unwrap();
        let layout = |number: u64, through: u64| Layout {
            number: LayoutNumber(number),
            replaced: vec![Replaced { old: vec!["a".into()], new: Vec::new() }],
            expired: vec![Expired { dataset: Dataset::Packets, through: Epoch(through) }],
        };
        let next = |layouts: &[Layout]| Summary::of(&chain, layouts).unwrap().layout.0;
        assert_eq!(next(&[]), 0);
        assert_eq!(next(&[layout(0, 5), layout(1, 6), layout(2, 5)]), 1, "epoch 6 is behind it");
        assert_eq!(next(&[layout(0, 5), layout(1, 2)]), 2);
    }
}
