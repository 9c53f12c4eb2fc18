//! Which recorded epochs a replay reads, and with what known before them.

use super::RunError;
use super::go_on::Restates;
use super::head::Begun;
use super::lanes::{Publishes, publishes, said};
use crate::archive::cone::objects_of;
use crate::archive::dataset::Names;
use crate::archive::open::Archive;
use crate::archive::protocol::{Bound, Manifest, Sum};
use crate::archive::recall::{From, Granularity, Recalled, Step, Visits, night_of, steps, visits};
use crate::archive::snapshot::Snapshot;
use crate::cone::Cone;
use crate::ledger::Past;
use crate::settings::{Job, of_record};
use crate::source::Night;
use skydiff_operators::Epoch;
use skydiff_schemas::MicroDays;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Recorded epochs that are to be read.
#[derive(Clone, Debug)]
pub struct Replay {
    /// Of which archive.
    pub url: String,
    /// Those received in these nights, both included; `None`: all.
    pub nights: Option<(Night, Night)>,
    /// Those received from the first of these times on and before the second (MJD UTC); `None`: whenever.
    pub between: Option<(MicroDays, MicroDays)>,
    /// None before this epoch is told.
    pub from_epoch: Epoch,
    /// None after this epoch.
    pub until: Option<Epoch>,
    /// None received after this (MJD UTC).
    pub as_of: Option<MicroDays>,
    /// Whether what was known before the nights is left out.
    pub cold: bool,
    /// Only the objects of this cone, and those that contend with them for a source.
    pub cone: Option<Cone>,
    /// How epochs are put together.
    pub granularity: Granularity,
    /// From what they are read.
    pub from: From,
    /// Whether what was known before must be read from packets too: what is captured of them has changed.
    pub again: bool,
    /// Whether the job is the one that was in force at these epochs.
    pub in_force: bool,
}

/// The job that was in force at the end of an archive, and the archive.
pub fn open_job(url: &str) -> Result<(Job, Archive), String> {
    let archive = Archive::open(url)?;
    let Some(last) = archive.chain.manifests().last() else {
        return Err(format!("archive {url} is empty: nothing was committed to it yet"));
    };
    let job = of_record(&archive.settings(&last.settings)?)?;
    Ok((job, archive))
}

impl Begun {
    /// The wanted epochs, with what was known before them loaded as one.
    pub(super) fn replay(replay: &Replay, text: &str, job: &Job) -> Result<Begun, RunError> {
        let archive = Archive::open(&replay.url).map_err(RunError::Settings)?;
        let manifests = archive.chain.manifests();
        let bounds: Vec<&Bound> = manifests.iter().flat_map(|manifest| &manifest.epochs).collect();
        let (before, wanted) = replay.choose(&bounds);
        let Some(first) = wanted.first().map(|bound| bound.binding.epoch) else {
            return Err(RunError::Settings(format!("archive {}: no epoch is of these nights or times", replay.url)));
        };
        let end = wanted.last().map_or(first, |last| last.binding.epoch);
        let only = replay.only(&archive, end).map_err(RunError::Settings)?;
        let ours = Sum::of(text.as_bytes());
        let recall = |first, last, from| Recalled {
            archive: archive.clone(),
            steps: vec![Step { first, last }],
            from,
            snapshot: None,
            only: only.clone(),
            restated: None,
        };
        let load = before.last().map(|bound| bound.binding.epoch).filter(|_| !replay.cold);
        let whole = |last| {
            let snapshot = archive.useful(last).max().map(|epoch| Snapshot::read(&archive, epoch)).transpose();
            let snapshot = snapshot.map_err(RunError::Settings)?;
            Ok::<_, RunError>(Recalled { snapshot, ..recall(archive.chain.begin(last), last, From::Measurements) })
        };
        let mut recalled = Vec::new();
        let (mut known, mut restates) = (None, None);
        // Its own settings took effect at the first epoch: what was known then lies there, and what was said before it was
        // said under others.
        let takes_effect =
            archive.chain.restated().any(|restated| restated == first) && replay.in_force && !replay.cold;
        let mut rest = &wanted[..];
        if let Some(last) = load.filter(|_| takes_effect) {
            let sum = archive.chain.settings(last).cloned().unwrap_or_else(|| ours.clone());
            restates = Some(Restates::new(archive.settings(&sum).map_err(RunError::Settings)?, text, first));
            known = Some(whole(last)?);
            recalled.push(recall(first, first, From::Measurements));
            rest = &wanted[1..];
        } else {
            let load = load.map(|last| match replay.again {
                true => Ok(recall(Epoch(0), last, From::Packets)),
                false => whole(last),
            });
            recalled.extend(load.transpose()?);
        }
        // By settings that are not those of then, what was stated once more is nothing new.
        let in_force = |bound: &&&Bound| {
            let epoch = bound.binding.epoch;
            replay.in_force || archive.chain.restated().all(|restated| restated != epoch)
        };
        let rest: Vec<&Bound> = rest.iter().filter(in_force).copied().collect();
        let visits = match replay.granularity {
            Granularity::Visit => visits(&archive, first, end).map_err(RunError::Settings)?,
            Granularity::Epoch | Granularity::Night => Visits::default(),
        };
        let steps = steps(&rest, replay.granularity, &visits);
        // Digests are of all that was known, in the settings of then.
        let complete = (!replay.cold || before.is_empty()) && only.is_none();
        let same = manifests.iter().filter(|manifest| complete && manifest.last >= first && manifest.settings == ours);
        let one = archive.chain.begin(first) == archive.chain.begin(end);
        let digests = if one { same.map(digest).collect() } else { BTreeMap::new() };
        let publishes = publishing(job, &archive)?;
        recalled.push(Recalled { archive, steps, from: replay.from, snapshot: None, only, restated: None });
        let past = Past { since: first, restates: restates.is_some(), digests };
        Ok(Begun { recalled, known, restates, past, told: first, publishes, ..Begun::default() })
    }
}

/// How a replay publishes, if it does: as a job of its own.
fn publishing(job: &Job, archive: &Archive) -> Result<Option<Publishes>, RunError> {
    let Some(said) = said(job)? else { return Ok(None) };
    let recorded = archive.chain.manifests().last().map(|last| archive.settings(&last.settings)).transpose();
    let recorded = recorded.and_then(|text| text.as_deref().map(of_record).transpose());
    if recorded.map_err(RunError::Settings)?.is_some_and(|recorded| recorded.name == job.name) {
        return Err(RunError::Settings(format!(
            "a replay that publishes is a job of its own, and `{}` is the one that wrote the archive: give it another name \
             (--name NAME, or `name` in the job file)",
            job.name
        )));
    }
    publishes(job, said.generation + 1, None)
}

impl Replay {
    /// The objects that are wanted, if not all.
    fn only(&self, archive: &Archive, last: Epoch) -> Result<Option<Arc<Names>>, String> {
        let Some(cone) = self.cone else { return Ok(None) };
        if self.from == From::Packets || self.again {
            return Err("a cone is replayed from what was kept of packets: leave out --from packets, and keep the \
                        quality cuts that the archive was written with"
                .into());
        }
        let objects = objects_of(archive, cone, last)?;
        match objects.is_empty() {
            true => Err(format!("archive {}: no object lies in this cone", self.url)),
            false => Ok(Some(Arc::new(Names::Objects(objects)))),
        }
    }

    /// All of an archive, as it was, from what was kept.
    pub fn all(url: &str) -> Replay {
        Replay {
            url: url.to_owned(),
            nights: None,
            between: None,
            from_epoch: Epoch(0),
            until: None,
            as_of: None,
            cold: false,
            cone: None,
            granularity: Granularity::Epoch,
            from: From::Measurements,
            again: false,
            in_force: false,
        }
    }

    /// Whether any epoch of an archive is wanted.
    pub fn wants(&self, archive: &Archive) -> bool {
        let bounds: Vec<&Bound> = archive.chain.manifests().iter().flat_map(|manifest| &manifest.epochs).collect();
        !self.choose(&bounds).1.is_empty()
    }

    /// Epochs before those that are wanted, and those.
    fn choose<'a>(&self, bounds: &[&'a Bound]) -> (Vec<&'a Bound>, Vec<&'a Bound>) {
        let known = |bound: &&&Bound| {
            let received = bound.binding.origin.as_ref().map(|origin| origin.received);
            self.until.is_none_or(|until| bound.binding.epoch <= until)
                && self.as_of.zip(received).is_none_or(|(as_of, received)| received <= as_of)
        };
        let bounds: Vec<&Bound> = bounds.iter().take_while(known).copied().collect();
        let of_nights = |bound: &&Bound| {
            let received = bound.binding.origin.as_ref().map(|origin| origin.received);
            self.nights
                .is_none_or(|(from, to)| night_of(&bound.binding).is_some_and(|night| from <= night && night <= to))
                && self.between.is_none_or(|(from, to)| received.is_some_and(|at| from <= at && at < to))
        };
        // Where the nights began before it, what was told when other settings took effect is of them too.
        let goes_on = bounds.iter().take_while(|bound| bound.binding.epoch < self.from_epoch).any(of_nights);
        let begins = |bound: &&Bound| bound.binding.epoch >= self.from_epoch && (goes_on || of_nights(bound));
        let first = bounds.iter().position(begins).unwrap_or(bounds.len());
        let last = bounds.iter().rposition(of_nights).map_or(first, |last| last + 1).max(first);
        (bounds[..first].to_vec(), bounds[first..last].to_vec())
    }
}

/// What a manifest says of the state at its last epoch.
pub(super) fn digest(manifest: &Manifest) -> (Epoch, u128) {
    (manifest.last, u128::from_str_radix(&manifest.digest, 16).unwrap_or_default())
}
