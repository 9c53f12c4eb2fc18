//! One object out of many packets: its history and what is known of it, by the same operators as the job's.
//!
//! Reads the packets twice: first for those of the object, then for those of other objects that claim one of its sources,
//! since what stands, and whose it is, depends on both (DESIGN §4.1). [`Lookup::follow`] gives the answers on the way as well:
//! what a job would have said after each packet, had they come in order of trigger time.

use crate::reading::{ReadSettings, Reader};
use crate::settings::Job;
use crate::source::{EpochCut, Feed, Input, Mint, Packets, Place};
use skydiff_operators::{Answer, Clocks, Epoch, Offer, Options, transients};
use skydiff_schemas::decoder::Settings as DecoderSettings;
use skydiff_schemas::survey::{SettingsError, object_name};
use skydiff_schemas::{Decoder, Kind, Measurement, MicroDays, ObjectId, SourceId, Version};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use timely::dataflow::operators::{Input as _, Probe};

/// Where to look, and by which rules.
#[derive(Clone, Debug)]
pub struct Lookup {
    /// The packets. Not standard input: they are read twice.
    pub inputs: Vec<Input>,
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
    /// In how many packets it came.
    pub copies: usize,
}

/// Why there is nothing to tell.
#[derive(Clone, Debug)]
pub enum LookupError {
    /// The decoder's settings cannot be used.
    Settings(SettingsError),
    /// Standard input cannot be read twice.
    Stdin,
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
            decoder: job.decoder()?,
            read: ReadSettings { future, keep_bytes: false },
            options: job.options(),
        })
    }

    /// Everything about `object`.
    pub fn find(&self, object: ObjectId) -> Result<Known, LookupError> {
        Ok(self.known(object, self.gather(object)?))
    }

    /// Everything about `object`, and what was known of it after each of the packets that [`Lookup::find`] takes, by trigger time.
    pub fn follow(&self, object: ObjectId) -> Result<(Known, Vec<Moment>), LookupError> {
        let gathered = self.gather(object)?;
        let mut epochs: BTreeMap<MicroDays, Vec<Offer>> = BTreeMap::new();
        for offer in &gathered.offers {
            epochs.entry(offer.time).or_default().push(offer.clone());
        }
        let times: Vec<MicroDays> = epochs.keys().copied().collect();
        let epochs = epochs.into_iter().map(|(time, offers)| {
            let mut clocks = Clocks::default();
            clocks.advance(object.survey, time);
            (offers, clocks)
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
        let mut copies: HashMap<(Kind, SourceId), Vec<(Version, Measurement)>> = HashMap::new();
        for row in offers.iter().flat_map(|offer| offer.rows.iter().filter(|row| row.global || offer.object == object))
        {
            let identity = (row.measurement.kind, row.measurement.id);
            copies.entry(identity).or_default().push((row.version, row.measurement));
        }
        let (rows, mut found) = answers(object, vec![(offers, clocks.clone())], self.options.clone());
        let history = rows.into_iter().map(|measurement| {
            let copies = copies.get(&(measurement.kind, measurement.id)).map_or(&[][..], Vec::as_slice);
            Standing { measurement, version: copies.iter().max().map(|(version, _)| *version), copies: copies.len() }
        });
        Known {
            history: history.collect(),
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
        Ok(Reader::new(decoder, self.read))
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
    let (rows, mut answers) = answers(object, vec![(offers, clocks)], options);
    Some((rows, answers.pop()??))
}

/// The object's answer at the end of each epoch, and its rows at the end of the last.
fn answers(
    object: ObjectId,
    epochs: Vec<(Vec<Offer>, Clocks)>,
    options: Options,
) -> (Vec<Measurement>, Vec<Option<Answer>>) {
    timely::execute_directly(move |worker| {
        let (mut offer_input, mut clock_input, probe, objects) = worker.dataflow::<Epoch, _, _>(|scope| {
            let (offer_input, offers) = scope.new_input::<Vec<Offer>>();
            let (clock_input, clocks) = scope.new_input::<Vec<Clocks>>();
            let out = transients(offers, clocks, options);
            (offer_input, clock_input, out.changes.probe().0, out.objects)
        });
        let (mut last, mut answers) = (Vec::new(), Vec::new());
        for (next, (offers, clocks)) in (1..).map(Epoch).zip(epochs) {
            offers.into_iter().for_each(|offer| offer_input.send(offer));
            clock_input.send(clocks);
            offer_input.advance_to(next);
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
