//! Whether an archive holds what its manifests say: every file there, whole, with the rows that it should have.

use super::dataset::{
    ChangeRow, DataError, Dataset, MeasurementRow, PacketRow, Reader, RejectRow, Row, Select, TriggerRow,
};
use super::open::Archive;
use super::protocol::{Filed, Summary};
use super::store::Store;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use skydiff_operators::Epoch;
use std::collections::BTreeMap;

/// Files that are looked at at once.
const AT_ONCE: usize = 3;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Files that were looked at.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Rows in them.
    pub rows: u64,
    /// Packets that manifests bind.
    pub packets: u64,
    /// What has expired, in words.
    pub expired: Vec<String>,
    /// What is wrong, in words that name the object.
    pub wrong: Vec<String>,
}

/// Looks at every file that counts. `tell` is told how many are done, of how many.
pub fn verify(archive: &Archive, tell: &mut dyn FnMut(usize, usize)) -> Verified {
    let mut verified = Verified::default();
    let files: Vec<Filed> = Dataset::ALL.into_iter().flat_map(|dataset| archive.files(dataset)).collect();
    for dataset in Dataset::ALL {
        if let Some(through) = archive.expired(dataset) {
            verified.expired.push(format!("{}/ up to epoch {through}", dataset.name()));
        }
    }
    let (store, all) = (&archive.store, files.len());
    let look = |file: Filed| async move { (look(store, &file).await, file) };
    let mut looking = stream::iter(files).map(look).buffered(AT_ONCE).boxed();
    let mut packets = BTreeMap::<Epoch, u64>::new();
    while let Some((looked, file)) = store.wait(looking.next()) {
        match looked {
            Ok(epochs) => {
                verified.rows += file.descriptor.rows;
                for (epoch, rows) in epochs {
                    *packets.entry(epoch).or_default() += rows;
                }
            }
            Err(why) => verified.wrong.push(format!("{}: {why}", file.path)),
        }
        verified.files += 1;
        verified.bytes += file.descriptor.bytes;
        tell(verified.files as usize, all);
    }
    verified.wrong.extend(summaries(archive));
    let kept_from = archive.expired(Dataset::Packets);
    for bound in archive.chain.manifests().iter().flat_map(|manifest| &manifest.epochs) {
        let (epoch, bound) = (bound.binding.epoch, bound.binding.packets);
        verified.packets += bound;
        let kept = packets.get(&epoch).copied().unwrap_or(0);
        if Some(epoch) > kept_from && kept != bound {
            verified.wrong.push(format!("epoch {epoch}: {bound} packets are bound and {kept} are kept"));
        }
    }
    verified
}

/// What is wrong with summaries: each must say what the manifests up to it do, and leave out only layouts of their files.
fn summaries(archive: &Archive) -> Vec<String> {
    let store = &archive.store;
    let listed = match store.wait(store.list("summaries")) {
        Ok(listed) => listed,
        Err(why) => return vec![why],
    };
    let look = |path: &str, through: Epoch| -> Result<(), String> {
        let bytes = store.wait(store.read(path))?.ok_or("it is gone")?;
        let said = Summary::decode(&bytes)?;
        let chain = archive.chain.upto(through)?;
        match Summary::of(&chain, &archive.layouts) {
            // Layouts that were made later may be of these files too.
            Some(summary) if said.layout <= summary.layout && said.is_but_for_layouts(&summary) => Ok(()),
            _ => Err("it says something else than the manifests".into()),
        }
    };
    let named = listed.iter().filter_map(|listed| Some((&listed.path, Summary::of_path(&listed.path)?)));
    named
        .filter_map(|(path, through)| look(path, through).err().map(|why| format!("{path}: {why}; remove it")))
        .collect()
}

/// Packets by epoch, of a file of packets.
async fn look(store: &Store, file: &Filed) -> Result<BTreeMap<Epoch, u64>, String> {
    let bytes = store.read(&file.path).await?.ok_or("it is missing")?;
    let (descriptor, dataset) = (file.descriptor.clone(), file.descriptor.dataset);
    let read = store.compute(move || {
        descriptor.check(&bytes)?;
        let (rows, packets) = match dataset {
            Dataset::Packets => {
                let epochs = rows::<PacketRow>(bytes)?;
                (epochs.values().sum(), epochs)
            }
            Dataset::Measurements => (rows::<MeasurementRow>(bytes)?.values().sum::<u64>(), BTreeMap::new()),
            Dataset::Contexts => (rows::<TriggerRow>(bytes)?.values().sum(), BTreeMap::new()),
            Dataset::Changes => (rows::<ChangeRow>(bytes)?.values().sum(), BTreeMap::new()),
            Dataset::Rejects => (rows::<RejectRow>(bytes)?.values().sum(), BTreeMap::new()),
        };
        match rows == descriptor.rows {
            true => Ok(packets),
            false => Err(DataError::Corrupt(format!("it has {rows} rows, and {} were written", descriptor.rows))),
        }
    });
    read.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
}

fn rows<R: Row>(bytes: Bytes) -> Result<BTreeMap<Epoch, u64>, DataError> {
    let mut epochs = BTreeMap::new();
    for batch in Reader::<R>::open(bytes, &Select { lean: true, ..Select::default() })? {
        batch?.iter().for_each(|row| *epochs.entry(row.epoch()).or_default() += 1);
    }
    Ok(epochs)
}
