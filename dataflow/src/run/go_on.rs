//! How a job goes on with an archive that exists: from what, at which epoch, and under which settings.

use super::head::Begun;
use super::lanes::{begin, publishes, said};
use super::replay::digest;
use super::{Request, RunError};
use crate::archive::keep::Keeper;
use crate::archive::open::{Archive, Claimed, Unclaimed};
use crate::archive::protocol::{Progress, Resume, ResumeError, resume};
use crate::archive::recall::{From, Recalled, Step, captured};
use crate::archive::snapshot::Snapshot;
use crate::flow::bind::Binder;
use crate::flow::clock::Stop;
use crate::ledger::Past;
use crate::settings::{Job, differences, of_record};
use serde::{Deserialize, Serialize};
use skydiff_operators::Epoch;
use skydiff_schemas::record::Reason;
use std::collections::BTreeMap;

/// Other settings than before take effect.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Restates {
    /// Those of before.
    pub before: String,
    /// What consumers are told of it.
    pub reason: Reason,
    /// The epoch at which they do.
    pub at: Epoch,
}

impl Restates {
    /// From one text of settings to another.
    pub(super) fn new(before: String, now: &str, at: Epoch) -> Restates {
        let code = differences(&before, now).iter().any(|line| line.starts_with("semantics "));
        Restates { before, reason: if code { Reason::Code } else { Reason::Config }, at }
    }
}

impl Begun {
    /// Goes on behind the last manifest, with what is known loaded as one epoch.
    pub(super) fn go_on(url: &str, job: &Job, text: &str, request: &Request) -> Result<Begun, RunError> {
        let keep = job.keep().map_err(RunError::Settings)?;
        let mut claimed = Claimed::open(url, request.take_over).map_err(|error| match error {
            Unclaimed::Refused(why) => RunError::Settings(why),
            Unclaimed::Failed(why) => RunError::Stop(Stop::Sink(why)),
        })?;
        let settings = claimed.put_settings(text).map_err(RunError::Settings)?;
        // What was said is told once more in files, and other settings take effect on all that is known.
        if job.sink.to.is_some() || claimed.archive.chain.manifests().iter().any(|one| one.settings != settings) {
            claimed.read_all().map_err(RunError::Settings)?;
        }
        let last = claimed.archive.chain.manifests().last().filter(|last| last.settings != settings);
        let before = last.map(|last| claimed.archive.settings(&last.settings)).transpose();
        let before = before.map_err(RunError::Settings)?;
        if let Some(why) = before.as_ref().and_then(|before| refused(before, text, request.restate)) {
            let _ = claimed.end();
            return Err(RunError::Settings(format!("archive {url} {why}")));
        }
        let lanes = said(job)?;
        let lanes = lanes.as_ref().map_or(Vec::new(), |said| said.lanes.clone());
        let resume = resumed(&mut claimed, &lanes)?;
        let (archive, chain) = (claimed.archive.clone(), &claimed.archive.chain);
        let mut restates = before.map(|before| Restates::new(before, text, chain.next()));
        let begun = chain.last().map_or(Epoch(0), |last| chain.begin(last));
        if restates.is_none() && begun > Epoch(0) && resume.replayed == begun && begun < resume.live {
            let sum = chain.settings(Epoch(begun.0 - 1)).cloned().unwrap_or_else(|| settings.clone());
            let before = archive.settings(&sum).map_err(RunError::Settings)?;
            restates = Some(Restates::new(before, text, begun));
        }
        let useful = resume.loaded.and_then(|loaded| archive.useful(loaded).max());
        let snapshot = useful.map(|epoch| Snapshot::read(&archive, epoch)).transpose();
        let snapshot = snapshot.map_err(RunError::Settings)?;
        let known = resume.loaded.map(|last| Recalled {
            archive: archive.clone(),
            steps: vec![Step { first: chain.begin(last), last }],
            from: From::Measurements,
            snapshot,
            only: None,
            restated: None,
        });
        // From the packets: what was rejected is told by its lane.
        let lagging = resume.replayed < resume.live;
        let mut replayed = resume.replayed;
        let (known, recalled) = match &mut restates {
            None => (None, known),
            // Others may lag behind what was restated, but none behind what was before: it waited for them.
            Some(restates) if restates.at < resume.live => {
                replayed = restates.at.next();
                let step = Step { first: restates.at, last: restates.at };
                let again = Recalled {
                    archive: archive.clone(),
                    steps: vec![step],
                    from: From::Measurements,
                    snapshot: None,
                    only: None,
                    restated: None,
                };
                (known, Some(again))
            }
            Some(_) if lagging => {
                let _ = claimed.end();
                let text = "the settings cannot change while a lane is behind the last manifest: start once with those of \
                            before, and end it (Ctrl-C) when all is published";
                return Err(RunError::Settings(text.into()));
            }
            Some(restates) => {
                let again = known.clone().map(|known| restates.again(known, text)).transpose();
                (known, again.map_err(RunError::Settings)?)
            }
        };
        let steps = (replayed.0..resume.live.0).map(|epoch| Step { first: Epoch(epoch), last: Epoch(epoch) });
        let replayed = (replayed < resume.live).then(|| Recalled {
            archive: archive.clone(),
            steps: steps.collect(),
            from: From::Packets,
            snapshot: None,
            only: None,
            restated: None,
        });
        let digests = match &restates {
            Some(restates) if restates.at == resume.live => BTreeMap::new(),
            _ => chain.manifests().last().map(digest).into_iter().collect(),
        };
        let now = restates.as_ref().is_some_and(|restates| restates.at == resume.live);
        let past = Past { since: resume.live, restates: now, digests };
        let keeper = Keeper::new(archive.store.clone(), keep, chain.night());
        let binder = Binder {
            store: archive.store.clone(),
            generation: claimed.generation,
            writer: claimed.writer.clone(),
            head: chain.head().cloned(),
            settings,
            digest: 0,
            since: past.since,
            keeper,
            fenced: claimed.fenced.clone(),
            watch: request.gauges.watch.clone(),
        };
        let publishes = publishes(job, claimed.generation.0, Some(resume.live))?;
        if let Some(publishes) = &publishes {
            begin(job, &lanes, publishes, resume.replayed)?;
        }
        let recalled = recalled.into_iter().chain(replayed).collect();
        let (taken, positions) = (chain.taken(), chain.positions());
        let told = resume.replayed;
        let (binder, claimed) = (Some(binder), Some(claimed));
        Ok(Begun { recalled, known, restates, past, taken, positions, told, publishes, binder, claimed })
    }
}

/// From where lanes that are so far go on. Lists once more where what was listed does not reach.
fn resumed(claimed: &mut Claimed, lanes: &[Option<Progress>]) -> Result<Resume, RunError> {
    let summed = claimed.archive.chain.summed().map(|summed| summed.through);
    let is_before = |lane: &Progress| summed.is_some_and(|through| lane.lacks() <= through);
    if lanes.iter().flatten().any(is_before) {
        claimed.read_all().map_err(RunError::Settings)?;
    }
    let decide = |archive: &Archive| resume(archive.chain.last(), lanes, &archive.snapshots);
    let decided = match decide(&claimed.archive) {
        // A writer that was not fenced yet may have gone on since, and lanes were asked after that.
        Err(ResumeError::Ahead(..)) => {
            claimed.list_again().map_err(RunError::Settings)?;
            decide(&claimed.archive)
        }
        decided => decided,
    };
    decided.map_err(|error| RunError::Settings(error.to_string()))
}

/// Why a job may not go on with other settings; nothing if it may.
fn refused(before: &str, now: &str, restate: bool) -> Option<String> {
    let differences = differences(before, now);
    if !restate {
        return Some(format!(
            "was written with other settings, and what it says would not be what a replay says:\n  {}\nuse those (`skydiff \
             archive settings --archive URL` prints them), or another archive; or say --restate: they take effect at an epoch \
             of its own, whose records say so",
            differences.join("\n  ")
        ));
    }
    let fixed = differences.iter().find(|line| line.starts_with("sink.lanes ") || line.starts_with("name "));
    fixed.map(|line| format!("has been told by its name and lanes, which cannot be restated: {line}"))
}

impl Restates {
    /// All that was known, as it is put when other settings take effect: from packets, if these capture other things.
    fn again(&self, known: Recalled, now: &str) -> Result<Recalled, String> {
        let restated = Some(self.at);
        if captured(&of_record(&self.before)?) == captured(&of_record(now)?) {
            return Ok(Recalled { restated, ..known });
        }
        let steps = known.steps.iter().map(|step| Step { first: Epoch(0), last: step.last }).collect();
        Ok(Recalled { steps, from: From::Packets, snapshot: None, restated, ..known })
    }
}
