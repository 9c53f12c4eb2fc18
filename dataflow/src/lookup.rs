//! One object out of many packets: its history and what is known of it, by the same operators as the job's.
//!
//! Reads the packets twice: first for those of the object, then for those of other objects that claim one of its sources,
//! since what stands, and whose it is, depends on both (DESIGN §4.1). [`Lookup::follow`] gives the answers on the way as well:
//! what a job would have said after each packet, had they come in order of trigger time. Out of an archive (`lookup/kept.rs`) both
//! come from what was kept of packets, and the answers on the way are those of its epochs.

mod kept;
mod packets;

pub use packets::InCone;

use crate::archive::open::Archive;
use crate::reading::{ReadSettings, Reader};
use crate::settings::Job;
use crate::source::{EpochCut, Feed, Input, Mint, Packets, Place};
use skydiff_operators::{Answer, Clocks, Epoch, Kept, KeptRows, Offer, Options, transients_with};
use skydiff_schemas::decoder::Settings as DecoderSettings;
use skydiff_schemas::survey::{SettingsError, object_name};
use skydiff_schemas::{Decoder, Kind, Measurement, MicroDays, ObjectId, Row, SourceId, Version};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use timely::dataflow::operators::{Input as _, Probe};

/// Where to look, and by which rules.
#[derive(Clone, Debug)]
pub struct Lookup {
    /// The packets. Not standard input: they are read twice.
    pub inputs: Vec<Input>,
    /// The archive, in their place.
    pub archive: Option<Archive>,
    /// How packets are decoded.
    pub decoder: DecoderSettings,
    /// Which packets are taken.
    pub read: ReadSettings,
    /// Timescales and thresholds.
    pub options: Options,
}

/// What there is to know.
#[derive(Clone, Debug)]
pub struct Known {
    /// Standing measurements in order of time.
    pub history: Vec<Standing>,
    /// What is known; `None` when every measurement that its packets brought belongs to another object.
    pub answer: Option<Answer>,
    /// Alerts of the object.
    pub alerts: usize,
    /// Their trigger times, in order.
    pub triggers: Vec<MicroDays>,
    /// Alerts of other objects that claim one of its sources, and whose they are.
    pub others: BTreeSet<String>,
    /// Packets that were read, and how many of them were rejected.
    pub packets: (i64, i64),
    /// The survey's clock (the greatest trigger time of all packets): what is alive depends on it.
    pub clocks: Clocks,
}

/// What was known at a time.
#[derive(Clone, Debug)]
pub struct Moment {
    /// The survey's clock: the trigger time of the newest packet so far.
    pub time: MicroDays,
    /// What was known; `None` where every measurement so far belonged to another object.
    pub answer: Option<Answer>,
}

/// A standing measurement.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    /// What was measured.
    pub measurement: Measurement,
    /// The version of the copy that stands.
    pub version: Option<Version>,
    /// In how many packets it came; of an archive, how many of its copies might have stood when they came.
    pub copies: usize,
}

/// Why there is nothing to tell.
#[derive(Clone, Debug)]
pub enum LookupError {
    /// The decoder's settings cannot be used.
    Settings(SettingsError),
    /// Standard input cannot be read twice.
    Stdin,
    /// The archive cannot be read, or has not what is needed any more.
    Archive(String),
    /// No packet of it; how many were read, how many of them were rejected, and the objects whose names are nearest.
    Unknown {
        /// Packets read and rejected.
        packets: (i64, i64),
        /// Names like it, nearest first.
        near: Vec<String>,
        /// The object that has an alert of that id: people mistake the one for the other.
        alert_of: Option<String>,
    },
}

impl Lookup {
    /// In the sources of a job, by its rules.
    pub fn of(job: &Job) -> Result<Lookup, String> {
        let future = MicroDays::from_days(job.run.future_days).unwrap_or(MicroDays::DAY);
        Ok(Lookup {
            inputs: job.inputs()?,
            archive: None,
            decoder: job.decoder()?,
            read: ReadSettings { future, keep_bytes: false, programs: job.programs() },
            options: job.options(),
        })
    }

    /// In an archive, by the rules of a job.
    pub fn in_archive(job: &Job, archive: Archive) -> Result<Lookup, String> {
        let job = Job { source: Vec::new(), ..job.clone() };
        Ok(Lookup { archive: Some(archive), ..Lookup::of(&job)? })
    }

    /// Everything about `object`.
    pub fn find(&self, object: ObjectId) -> Result<Known, LookupError> {
        match &self.archive {
            Some(archive) => Ok(self.find_kept(archive, object)?.0),
            None => Ok(self.known(object, self.gather(object)?)),
        }
    }

    /// Everything about `object`, and what was known of it after each of the packets that [`Lookup::find`] takes, by trigger time.
    pub fn follow(&self, object: ObjectId) -> Result<(Known, Vec<Moment>), LookupError> {
        if let Some(archive) = &self.archive {
            return self.find_kept(archive, object);
        }
        let gathered = self.gather(object)?;
        let mut epochs: BTreeMap<MicroDays, Vec<Offer>> = BTreeMap::new();
        for offer in &gathered.offers {
            epochs.entry(offer.time).or_default().push(offer.clone());
        }
        let times: Vec<MicroDays> = epochs.keys().copied().collect();
        let epochs = epochs.into_iter().map(|(time, offers)| {
            let mut clocks = Clocks::default();
            clocks.advance(object.survey, time);
            (offers, Vec::new(), clocks)
        });
        let answers = answers(object, epochs.collect(), self.options.clone()).1;
        let moments = times.into_iter().zip(answers).map(|(time, answer)| Moment { time, answer }).collect();
        Ok((self.known(object, gathered), moments))
    }

    /// The offers of `object`, and those of others that claim one of its sources.
    fn gather(&self, object: ObjectId) -> Result<Gathered, LookupError> {
        let (mut offers, mut seen, mut alert_of) = (Vec::new(), HashSet::new(), None);
        let (clocks, packets) = self.read(|offer| {
            seen.insert(offer.object);
            if offer.trigger.0 == object.id {
                alert_of = Some(object_name(offer.object));
            }
            if offer.object == object {
                offers.push(offer);
            }
        })?;
        if offers.is_empty() {
            return Err(LookupError::Unknown { packets, near: near(object, &seen), alert_of });
        }
        let mut triggers: Vec<MicroDays> = offers.iter().map(|offer| offer.time).collect();
        triggers.sort();
        let claimed: HashSet<(Kind, SourceId)> = offers.iter().flat_map(identities).collect();
        let mut others = BTreeSet::new();
        self.read(|offer| {
            let same = offer.object.survey == object.survey && offer.object != object;
            if same && identities(&offer).any(|identity| claimed.contains(&identity)) {
                others.insert(object_name(offer.object));
                offers.push(offer);
            }
        })?;
        Ok(Gathered { offers, triggers, others, packets, clocks })
    }

    fn known(&self, object: ObjectId, gathered: Gathered) -> Known {
        let Gathered { offers, triggers, others, packets, clocks } = gathered;
        let rows = offers.iter().flat_map(|offer| offer.rows.iter().map(|row| (offer.object, row)));
        let mut copies = Copies::default();
        rows.filter(|(of, row)| row.global || *of == object).for_each(|(_, row)| copies.add(row));
        let (rows, mut found) = answers(object, vec![(offers, Vec::new(), clocks.clone())], self.options.clone());
        Known {
            history: copies.standing(rows),
            answer: found.pop().flatten(),
            alerts: triggers.len(),
            triggers,
            others,
            packets,
            clocks,
        }
    }

    /// Every accepted packet, in order.
    pub(crate) fn read(&self, mut look: impl FnMut(Offer)) -> Result<(Clocks, (i64, i64)), LookupError> {
        let (mut reader, mint) = (self.reader()?, self.mint()?);
        let (mut clocks, mut packets) = (Clocks::default(), (0, 0));
        let mut take = |feed| {
            if let Feed::Share(share) = feed {
                let reading = reader.read(&share, &mut look);
                reading.clocks.iter().for_each(|(survey, time)| clocks.advance(survey, time));
                packets.0 += reading.counts.received;
                packets.1 += reading.counts.rejected.values().sum::<i64>();
            }
            true
        };
        mint.run(&mut take, &mut |_| {});
        Ok((clocks, packets))
    }

    pub(crate) fn reader(&self) -> Result<Reader, LookupError> {
        let decoder = Decoder::new(&self.decoder).map_err(LookupError::Settings)?;
        Ok(Reader::new(decoder, self.read.clone()))
    }

    /// What lies in the inputs, file by file; they are read more than once.
    pub(crate) fn mint(&self) -> Result<Mint, LookupError> {
        if self.inputs.iter().any(|input| input.packets == Packets::At(Place::Stdin)) {
            return Err(LookupError::Stdin);
        }
        Ok(Mint {
            inputs: self.inputs.clone(),
            cut: EpochCut::File,
            every: None,
            taken: Default::default(),
            probe: Box::new(|_| None),
            stop: Default::default(),
            progress: Default::default(),
        })
    }
}

/// The copies of measurements that came.
#[derive(Default)]
struct Copies(HashMap<(Kind, SourceId), Vec<(Version, Measurement)>>);

impl Copies {
    fn add(&mut self, row: &Row) {
        let identity = (row.measurement.kind, row.measurement.id);
        self.0.entry(identity).or_default().push((row.version, row.measurement));
    }

    /// What stands, with the version of the copy that does.
    fn standing(&self, rows: Vec<Measurement>) -> Vec<Standing> {
        let standing = |measurement: Measurement| {
            let copies = self.0.get(&(measurement.kind, measurement.id)).map_or(&[][..], Vec::as_slice);
            Standing { measurement, version: copies.iter().max().map(|(version, _)| *version), copies: copies.len() }
        };
        rows.into_iter().map(standing).collect()
    }
}

/// What was read for an object.
struct Gathered {
    offers: Vec<Offer>,
    triggers: Vec<MicroDays>,
    others: BTreeSet<String>,
    packets: (i64, i64),
    clocks: Clocks,
}

/// What other objects might claim too.
pub(crate) fn identities(offer: &Offer) -> impl Iterator<Item = (Kind, SourceId)> {
    offer.rows.iter().filter(|row| row.global).map(|row| (row.measurement.kind, row.measurement.id))
}

/// Objects of the survey with names nearest to that of `object`: fewest edits first, then by name.
fn near(object: ObjectId, seen: &HashSet<ObjectId>) -> Vec<String> {
    let name = object_name(object);
    let of_survey = seen.iter().filter(|other| other.survey == object.survey).map(|other| object_name(*other));
    let mut nearest: Vec<(usize, String)> =
        of_survey.map(|other| (strsim::damerau_levenshtein(&name, &other), other)).collect();
    nearest.sort();
    nearest.truncate(5);
    nearest.into_iter().map(|(_, name)| name).collect()
}

/// The object's rows and its answer when all offers have come, in one epoch.
pub(crate) fn answer(
    object: ObjectId,
    offers: Vec<Offer>,
    clocks: Clocks,
    options: Options,
) -> Option<(Vec<Measurement>, Answer)> {
    let (rows, mut answers) = answers(object, vec![(offers, Vec::new(), clocks)], options);
    Some((rows, answers.pop()??))
}

/// The object's answer at the end of each epoch, and its rows at the end of the last.
fn answers(
    object: ObjectId,
    epochs: Vec<(Vec<Offer>, Vec<Kept>, Clocks)>,
    options: Options,
) -> (Vec<Measurement>, Vec<Option<Answer>>) {
    timely::execute_directly(move |worker| {
        let (mut offer_input, mut kept_input, mut clock_input, probe, objects) =
            worker.dataflow::<Epoch, _, _>(|scope| {
                let (offer_input, offers) = scope.new_input::<Vec<Offer>>();
                let (kept_input, kept) = scope.new_input::<Vec<KeptRows>>();
                let (clock_input, clocks) = scope.new_input::<Vec<Clocks>>();
                let out = transients_with(offers, kept, clocks, options);
                (offer_input, kept_input, clock_input, out.changes.probe().0, out.objects)
            });
        let (mut last, mut answers) = (Vec::new(), Vec::new());
        for (next, (offers, kept, clocks)) in (1..).map(Epoch).zip(epochs) {
            offers.into_iter().for_each(|offer| offer_input.send(offer));
            kept_input.send(KeptRows { worker: 0, rows: kept });
            clock_input.send(clocks);
            offer_input.advance_to(next);
            kept_input.advance_to(next);
            clock_input.advance_to(next);
            worker.step_while(|| probe.less_than(&next));
            last.clear();
            answers.push(None);
            objects.borrow_mut().for_each(|rows, answer| {
                if answer.object == object {
                    last = rows.to_vec();
                    answers.pop();
                    answers.push(Some(answer.clone()));
                }
            });
        }
        (last, answers)
    })
}
