//! Real packets through the operators to records, epoch by epoch: what is counted adds up, and what is told follows
//! from what was told before.

use skydiff_dataflow::counts::Counts;
use skydiff_dataflow::highlights::{Highlights, List};
use skydiff_dataflow::reading::{ReadSettings, Reader};
use skydiff_dataflow::record::{Place, record};
use skydiff_dataflow::report::Report;
use skydiff_dataflow::settings::Job;
use skydiff_dataflow::source::{self, EpochCut, Feed, Input, Mint};
use skydiff_dataflow::verdict::{Emit, RecordSettings, verdict};
use skydiff_operators::{Change, Clocks, Epoch, Offer, Options, Tally, transients};
use skydiff_schemas::record::{AlertType, Codec, ContainerWriter, Record};
use skydiff_schemas::{Decoder, MicroDays};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use timely::dataflow::operators::{Input as _, Inspect, Probe};

fn data() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let path = std::env::var_os("SKYDIFF_DATA").map_or_else(beside, PathBuf::from);
    if !path.exists() {
        println!("skipped: no {}", path.display());
        return None;
    }
    Some(path)
}

/// Offers and clocks of every epoch, and what the reader counted.
fn epochs(folders: &[PathBuf]) -> (Vec<(Vec<Offer>, Clocks)>, Counts) {
    let settings = ReadSettings { future: MicroDays::DAY, keep_bytes: false, programs: Default::default() };
    let mut reader = Reader::new(Decoder::new(&Default::default()).unwrap(), settings);
    let received = MicroDays::from_days(62_000.0).unwrap();
    let input = |folder: &PathBuf| Input {
        packets: source::Packets::At(source::Place::Folder(folder.clone())),
        rank: 0,
        received,
    };
    let mint = Mint {
        inputs: folders.iter().map(input).collect(),
        cut: EpochCut::Packets(40),
        every: None,
        taken: Default::default(),
        probe: Box::new(|_| None),
        stop: Default::default(),
        progress: Default::default(),
    };
    let (mut epochs, mut offers, mut clocks, mut counts) = (vec![], vec![], Clocks::default(), Counts::default());
    mint.run(
        &mut |feed| {
            match feed {
                Feed::Share(share) => {
                    let reading = reader.read(&share, &mut |offer| offers.push(offer));
                    reading.clocks.iter().for_each(|(survey, time)| clocks.advance(survey, time));
                    counts.merge(&reading.counts);
                }
                Feed::Recall(_) => {}
                Feed::Seal(_) => epochs.push((std::mem::take(&mut offers), clocks.clone())),
            }
            true
        },
        &mut |_| {},
    );
    (epochs, counts)
}

/// Every change by epoch, in the order of objects, and every tally.
fn changes(epochs: Vec<(Vec<Offer>, Clocks)>, options: Options) -> (Vec<(Epoch, Change)>, Vec<Tally>) {
    timely::execute_directly(move |worker| {
        let (send_change, changes) = std::sync::mpsc::channel();
        let (send_tally, tallies) = std::sync::mpsc::channel();
        let (mut offer_input, mut clock_input, probe) = worker.dataflow::<Epoch, _, _>(|scope| {
            let (offer_input, offers) = scope.new_input::<Vec<Offer>>();
            let (clock_input, clocks) = scope.new_input::<Vec<Clocks>>();
            let out = transients(offers, clocks, options);
            out.tallies.inspect(move |tally| send_tally.send(*tally).unwrap());
            let told =
                out.changes.inspect_time(move |epoch, change| send_change.send((*epoch, change.clone())).unwrap());
            (offer_input, clock_input, told.probe().0)
        });
        for (at, (offers, clocks)) in (1..).zip(epochs) {
            offers.into_iter().for_each(|offer| offer_input.send(offer));
            clock_input.send(clocks);
            offer_input.advance_to(Epoch(at));
            clock_input.advance_to(Epoch(at));
            worker.step_while(|| probe.less_than(&Epoch(at)));
        }
        drop((offer_input, clock_input));
        while worker.step() {}
        let mut changes: Vec<_> = changes.try_iter().collect();
        changes.sort_by_key(|(epoch, change)| (*epoch, change.object));
        (changes, tallies.try_iter().collect())
    })
}

#[test]
fn real_packets_become_records_that_add_up() {
    let Some(data) = data() else { return };
    let (epochs, mut counts) = epochs(&[data.join("ztf"), data.join("lsst")]);
    let options = Job::default().options();
    let (changes, tallies) = changes(epochs, options.clone());
    tallies.iter().for_each(|tally| counts.tally(tally));
    let (settings, mut highlights) = (RecordSettings::default(), Highlights::default());
    let mut avro = ContainerWriter::new(Vec::new(), Codec::Deflate).unwrap();
    let (mut json, mut told_objects, mut rank) = (vec![], BTreeMap::new(), (Epoch(0), 0));
    for (epoch, change) in &changes {
        let told = verdict(change, &settings, None);
        counts.decide(change.object.survey, told);
        let Some(told) = told else { continue };
        rank = if rank.0 == *epoch { (*epoch, rank.1 + 1) } else { (*epoch, 0) };
        let place = Place { job: "test", epoch: *epoch, lane: 0, rank: rank.1 };
        let record = record(change, told, place, &options.timescales, settings.archival_days);
        // A story begins with its beginning, and again after its end.
        let known = told_objects.insert(change.object, told.0);
        if matches!(known, None | Some(AlertType::Retraction)) {
            assert_eq!(told.0, AlertType::Initial, "{}", record.object);
        }
        assert!(!record.causes.is_empty(), "{}", record.object);
        highlights.see(&record);
        record.write_json(&mut json);
        avro.append(&record).unwrap();
        counts.write("avro");
    }
    let avro = avro.finish().unwrap();
    let report =
        Report { title: "run", counts: &counts, highlights: &highlights, timescales: &options.timescales.timescales };
    println!("{}", report.text(80));
    println!("{} records: {} bytes of JSON, {} of Avro", counts.all().told(), json.len(), avro.len());
    assert_eq!(counts.check(), Ok(()));
    assert_eq!((counts.received, counts.all().told() > 100), (1015, true));
    assert!(!highlights.first(List::Risers, 5).0.is_empty());
    let read: Vec<Record> = apache_avro::Reader::new(&avro[..])
        .unwrap()
        .map(|record| apache_avro::from_value(&record.unwrap()).unwrap())
        .collect();
    // Both forms hold the same records, to the last bit: what was read from the one is written as the other.
    let mut again = vec![];
    read.iter().for_each(|record| record.write_json(&mut again));
    assert!(json == again, "JSON and Avro differ");
    assert!(
        read.iter().all(|record| record.timescales.len() == 8 && record.ra.is_some() && record._healpix_29.is_some())
    );
}

/// What time does is silent, and asked for it is told: the records of the one are among those of the other.
#[test]
fn expiry_adds_records_and_changes_none() {
    let Some(data) = data() else { return };
    let (epochs, _) = epochs(&[data.join("ztf/histories")]);
    let options = |expiry| Options { expiry, ..Job::default().options() };
    let records = |expiry| -> Vec<_> {
        let settings = RecordSettings { emit_expiry: expiry, ..RecordSettings::default() };
        let (changes, _) = changes(epochs.clone(), options(expiry));
        changes
            .iter()
            .filter_map(|(epoch, change)| Some((*epoch, change.object, verdict(change, &settings, None)?)))
            .collect()
    };
    let (silent, loud) = (records(false), records(true));
    assert!(silent.iter().all(|record| loud.contains(record)));
    let added: Vec<_> = loud.iter().filter(|record| !silent.contains(record)).collect();
    assert!(!added.is_empty() && added.iter().all(|(_, _, (_, reason))| reason.name() == "expired"), "{added:?}");
    let chatty = RecordSettings { emit: Emit::Features, ..RecordSettings::default() };
    let (changes, _) = changes(epochs.clone(), options(false));
    let told = |settings: &RecordSettings| {
        changes.iter().filter(|(_, change)| verdict(change, settings, None).is_some()).count()
    };
    assert!(told(&chatty) > told(&RecordSettings::default()));
}
