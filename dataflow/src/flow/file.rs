//! A group's rows to files, by every worker, beside the dataflow: encoding and uploading hold nobody up.
//!
//! Files have names of their own (generation, epochs, worker, part) and mean nothing until a manifest names them.

use crate::archive::dataset::{
    ChangeRow, DataError, File, Offered, PacketRow, RejectRow, Rejected, Row, Settled, TriggerRow, Writer, merge,
};
use crate::archive::protocol::{Filed, Generation};
use crate::archive::schemas::Used;
use crate::archive::store::Store;
use crate::flow::clock::Judged;
use crate::flow::group::Group;
use crate::flow::tell::Told;
use crate::watch::{Stage, Watch};
use serde::{Deserialize, Serialize};
use skydiff_operators::flow::{Batch, passed};
use skydiff_operators::{ContextRow, Epoch, Place, each};
use skydiff_schemas::{Measurement, ObjectId, Pixel, Row as Copy};
use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use timely::container::CapacityContainerBuilder;
use timely::dataflow::StreamVec;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::Capability;
use timely::dataflow::operators::generic::OutputBuilder;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;
use tokio::task::JoinHandle;

/// A file ends when it has about so many bytes.
const ROLL: usize = 128 << 20;

/// The files of one worker for a group.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Files {
    /// Of which group.
    pub group: Group,
    /// Them, or why they cannot be written.
    #[serde(with = "as_json")]
    pub files: Result<Vec<Filed>, String>,
}

/// What a manifest says of files may leave out what is empty, and what timely sends between processes may not: so it goes as
/// the manifest will have it.
mod as_json {
    use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error as _};
    use serde::ser::{Error as _, Serialize, Serializer};

    pub fn serialize<T: Serialize, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
        serde_json::to_string(value).map_err(S::Error::custom)?.serialize(to)
    }

    pub fn deserialize<'d, T: DeserializeOwned, D: Deserializer<'d>>(from: D) -> Result<T, D::Error> {
        serde_json::from_str(&String::deserialize(from)?).map_err(D::Error::custom)
    }
}

/// What is archived. All of it lies where it is needed: packets with who read them, histories with their objects' worker,
/// records with their lane's, rejects with worker 0.
pub struct Archived<'s> {
    /// Packets.
    pub packets: StreamVec<'s, Epoch, PacketRow>,
    /// Copies that could change something.
    pub offered: StreamVec<'s, Epoch, (ObjectId, Copy)>,
    /// What changed.
    pub histories: StreamVec<'s, Epoch, Batch<Place, Measurement>>,
    /// Contexts that changed.
    pub contexts: StreamVec<'s, Epoch, Batch<ObjectId, ContextRow>>,
    /// Records.
    pub told: StreamVec<'s, Epoch, Told>,
    /// Rejects.
    pub judged: StreamVec<'s, Epoch, Judged>,
    /// Where groups end.
    pub groups: StreamVec<'s, Epoch, Group>,
}

/// Where files go.
#[derive(Clone, Debug)]
pub struct Desk {
    /// The archive.
    pub store: Store,
    /// Under which generation.
    pub generation: Generation,
    /// The schemas of packets.
    pub schemas: Used,
    /// By which worker.
    pub worker: usize,
    /// Epochs before this are archived.
    pub since: Epoch,
    /// Who hears of it, on worker 0.
    pub watch: Watch,
}

/// What comes of a group that is being written.
type Written = Receiver<Result<Vec<Filed>, String>>;

/// What came of one epoch, until it is filed.
#[derive(Default)]
struct Rows {
    packets: Vec<PacketRow>,
    offered: Vec<(ObjectId, Copy)>,
    settled: Vec<Settled>,
    contexts: Vec<(ObjectId, ContextRow, i8)>,
    told: Vec<Told>,
    rejects: Vec<Rejected>,
}

/// Writes the files of every group.
pub fn file<'s>(archived: Archived<'s>, desk: Desk) -> StreamVec<'s, Epoch, Files> {
    let scope = archived.groups.scope();
    let mut builder = OperatorBuilder::new("File".to_owned(), scope);
    let wake = scope.worker().sync_activator_for(builder.operator_info().address.to_vec());
    let mut packets = builder.new_input(archived.packets, Pipeline);
    let mut offered = builder.new_input(archived.offered, Pipeline);
    let mut histories = builder.new_input(archived.histories, Pipeline);
    let mut contexts = builder.new_input(archived.contexts, Pipeline);
    let mut told = builder.new_input(archived.told, Pipeline);
    let mut judged = builder.new_input(archived.judged, Pipeline);
    let mut groups = builder.new_input(archived.groups, Pipeline);
    let (files, file_stream) = builder.new_output::<Vec<Files>>();
    let mut files = OutputBuilder::<_, CapacityContainerBuilder<Vec<Files>>>::from(files);
    builder.build(move |_| {
        let mut epochs = BTreeMap::<Epoch, Rows>::new();
        let mut ended = BTreeMap::<Epoch, (Capability<Epoch>, Group)>::new();
        let mut writing = Vec::<(Capability<Epoch>, Group, Written)>::new();
        move |frontiers| {
            let wanted = |epoch: &Epoch| *epoch >= desk.since;
            packets.for_each(|capability, data| {
                if wanted(capability.time()) {
                    epochs.entry(*capability.time()).or_default().packets.append(data);
                }
            });
            offered.for_each(|capability, data| {
                if wanted(capability.time()) {
                    epochs.entry(*capability.time()).or_default().offered.append(data);
                }
            });
            histories.for_each(|capability, data| {
                if wanted(capability.time()) {
                    let rows = epochs.entry(*capability.time()).or_default();
                    data.iter().for_each(|batch| {
                        each(batch, |(pixel, object), measurement, net| {
                            let change = net.signum() as i8;
                            let row = Settled { pixel: *pixel, object: *object, measurement: *measurement, change };
                            rows.settled.push(row);
                        });
                    });
                }
            });
            contexts.for_each(|capability, data| {
                if wanted(capability.time()) {
                    let rows = epochs.entry(*capability.time()).or_default();
                    data.iter().for_each(|batch| {
                        each(batch, |object, row, net| rows.contexts.push((*object, *row, net.signum() as i8)));
                    });
                }
            });
            told.for_each(|capability, data| {
                if wanted(capability.time()) {
                    epochs.entry(*capability.time()).or_default().told.append(data);
                }
            });
            judged.for_each(|capability, data| {
                if wanted(capability.time()) {
                    let rows = epochs.entry(*capability.time()).or_default();
                    for judged in data.drain(..) {
                        rows.rejects.extend(judged.rejects.into_iter().map(Rejected::Packet));
                        rows.rejects.extend(judged.row_rejects.into_iter().map(Rejected::Rows));
                    }
                }
            });
            groups.for_each(|capability, data| {
                data.iter().for_each(|group| drop(ended.insert(group.last, (capability.retain(0), *group))));
            });
            while let Some(entry) = ended.first_entry()
                && frontiers.iter().all(|frontier| passed(frontier, *entry.key()))
            {
                let (capability, group) = entry.remove();
                desk.watch.reached(Stage::Computed, group.first, group.last);
                let later = epochs.split_off(&group.last.next());
                let rows = std::mem::replace(&mut epochs, later);
                let (send, receive) = sync_channel(1);
                let (desk, wake) = (desk.clone(), wake.clone());
                let store = desk.store.clone();
                store.compute(move || {
                    // Nobody listens any more when the job has stopped.
                    let _ = send.send(write(rows, group, &desk));
                    let _ = wake.activate();
                });
                writing.push((capability, group, receive));
            }
            let mut files = files.activate();
            writing.retain(|(capability, group, receive)| {
                let done = match receive.try_recv() {
                    Err(TryRecvError::Empty) => return true,
                    Err(TryRecvError::Disconnected) => Err("the thread that writes files has ended".to_owned()),
                    Ok(done) => done,
                };
                files.session(capability).give(Files { group: *group, files: done });
                false
            });
        }
    });
    file_stream
}

/// All files of a group.
fn write(epochs: BTreeMap<Epoch, Rows>, group: Group, desk: &Desk) -> Result<Vec<Filed>, String> {
    let mut packets = Shelf::new(group, desk);
    let mut measurements = Shelf::new(group, desk);
    let mut contexts = Shelf::new(group, desk);
    let mut changes = Shelf::new(group, desk);
    let mut rejects = Shelf::new(group, desk);
    for (epoch, rows) in epochs {
        let homes: BTreeMap<ObjectId, Pixel> =
            rows.settled.iter().filter(|row| row.change > 0).map(|row| (row.object, row.pixel)).collect();
        let home = |object: ObjectId| homes.get(&object).copied().unwrap_or(Pixel::NONE);
        desk.schemas.keep(&desk.store, &rows.packets)?;
        packets.put(rows.packets)?;
        let offered = rows.offered.into_iter().map(|(object, copy)| Offered { object, copy });
        measurements.put(merge(epoch, offered, rows.settled, home))?;
        let trigger = |(object, context, change)| TriggerRow { epoch, pixel: home(object), object, context, change };
        contexts.put(rows.contexts.into_iter().map(trigger).collect())?;
        let records = rows.told.into_iter().flat_map(|told| told.records);
        let change = |told: crate::flow::tell::Encoded| ChangeRow {
            epoch,
            pixel: told.pixel,
            object: told.object,
            record: Some(Box::new(told.record)),
        };
        changes.put(records.map(change).collect())?;
        rejects.put(rows.rejects.into_iter().map(|rejected| RejectRow { epoch, rejected }).collect())?;
    }
    let shelves = [packets.done()?, measurements.done()?, contexts.done()?, changes.done()?, rejects.done()?];
    let written = |(file, on_its_way): (Filed, Upload)| {
        let done = desk.store.wait(on_its_way).map_err(|error| format!("{}: {error}", file.path))?;
        done.map(|()| file)
    };
    shelves.into_iter().flatten().map(written).collect()
}

/// A file that is being written, beside those that are being made.
type Upload = JoinHandle<Result<(), String>>;

/// The files of one dataset.
struct Shelf<'d, R: Row> {
    group: Group,
    desk: &'d Desk,
    open: Option<Writer<R>>,
    files: Vec<(Filed, Upload)>,
}

impl<'d, R: Row> Shelf<'d, R> {
    fn new(group: Group, desk: &'d Desk) -> Self {
        Shelf { group, desk, open: None, files: Vec::new() }
    }

    fn put(&mut self, rows: Vec<R>) -> Result<(), String> {
        let wrong = |error: DataError| format!("{}: {error}", R::DATASET.name());
        for row in rows {
            let mut writer = self.open.take().map_or_else(Writer::new, Ok).map_err(wrong)?;
            writer.push(row).map_err(wrong)?;
            if writer.pending() >= ROLL {
                self.close(writer)?;
            } else {
                self.open = Some(writer);
            }
        }
        Ok(())
    }

    fn close(&mut self, writer: Writer<R>) -> Result<(), String> {
        let file = writer.finish().map_err(|error| format!("{}: {error}", R::DATASET.name()))?;
        let Some(File { descriptor, bytes }) = file else { return Ok(()) };
        let (Group { first, last }, Desk { generation, worker, store, .. }) = (self.group, self.desk);
        let path = format!(
            "{}/{:06}/{:012}-{:012}-{worker:04}-{:03}.parquet",
            R::DATASET.name(),
            generation.0,
            first.0,
            last.0,
            self.files.len()
        );
        let (at, name) = (store.clone(), path.clone());
        let upload = store.spawn(async move { at.write(&name, bytes).await });
        self.files.push((Filed { path, descriptor }, upload));
        Ok(())
    }

    fn done(mut self) -> Result<Vec<(Filed, Upload)>, String> {
        if let Some(writer) = self.open.take() {
            self.close(writer)?;
        }
        Ok(self.files)
    }
}
