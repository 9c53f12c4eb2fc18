//! Every key of a job file with what it means: the one list that `skydiff job` prints and that misspellings are held to.

use skydiff_schemas::survey::SURVEYS;

/// A key that the job file may have: its path, and what it means.
pub type Key = (&'static str, &'static str);

/// The keys that are not a survey's. `source.` stands for each `[[source]]`.
pub const KEYS: [Key; 108] = [
    ("name", "Name of the job; every message id begins with it."),
    (
        "schemas",
        "Folder of LSST schemas by id (lsst.v11_1.alert.avsc or 1101.avsc), used before those that are built in.",
    ),
    (
        "source.kind",
        "\"files\" at the path, \"kafka\": topics, live, or \"simulate\": a simulated survey, with no files.",
    ),
    ("source.path", "A folder, a .tar or .tar.gz, a file of packets, or \"-\" for standard input."),
    ("source.rank", "Where two sources have a copy of one measurement, that of the greater rank stands."),
    ("source.received", "When its packets were received (MJD UTC or a date), where no file name says it."),
    ("source.simulate.survey", "Which is simulated: \"ztf\" or \"lsst\"."),
    ("source.simulate.seed", "Everything that is random in it follows from this number."),
    ("source.simulate.start", "Date (UTC) of its first night, as MJD."),
    ("source.simulate.nights", "How many nights it lasts."),
    ("source.simulate.before", "For so many days before the survey had been going on: histories reach back to there."),
    ("source.simulate.visits", "Visits in a clear night."),
    ("source.simulate.alerts", "About so many alerts a visit (the real surveys: 1000 and 10000)."),
    ("source.simulate.schema", "LSST: Confluent id of the packets' schema: 1000, 1100 or 1101."),
    ("source.simulate.cutouts", "Whether its packets carry stamps; without them it is many times as fast."),
    ("source.simulate.weather", "Whether there are clouds and a moon."),
    ("source.simulate.classes", "Only these classes of objects; none named is all but \"constant\"."),
    ("source.simulate.noise.correlated", "Share of objects whose noise has a part that is the same for days."),
    ("source.simulate.noise.underestimated", "Share of objects whose errors are quoted too small ..."),
    ("source.simulate.noise.factor", "... by this factor."),
    ("source.simulate.trouble.late", "Share of packets that come minutes to days late."),
    ("source.simulate.trouble.duplicate", "Share of packets that come twice."),
    ("source.simulate.trouble.corrupt", "Share of packets that are spoiled on the way."),
    (
        "source.simulate.trouble.remeasured",
        "Share of objects some of whose sources are measured again on a later day (LSST).",
    ),
    (
        "source.simulate.trouble.withdrawn",
        "Share of objects some of whose sources are withdrawn on a later day (LSST).",
    ),
    ("source.simulate.trouble.moved", "Share of objects whose sources go over to another object on a later day."),
    ("source.simulate.trouble.jitter", "Mean seconds by which packets get out of order."),
    (
        "source.kafka.topics",
        "Topics by name, or by pattern where one begins with \"^\": new ones are read as they appear.",
    ),
    (
        "source.kafka.start",
        "Where partitions are begun that were never read: \"earliest\", \"latest\", \"offset=1234\", an MJD or a date (UTC).",
    ),
    ("source.kafka.until", "\"never\", or \"end\": until everything is read that was there when the job began."),
    ("source.kafka.label", "Put before topics' names, where several clusters have topics of one name."),
    ("source.kafka.group", "Consumer group that positions are told to, for tools that show lag. They are never read."),
    ("source.kafka.look_seconds", "How often it is looked for new topics and partitions."),
    (
        "source.kafka.registry",
        "URL of a schema registry, for ids that are neither built in nor in the folder of schemas.",
    ),
    ("source.kafka.login.brokers", "host:port of one or more brokers, separated by commas."),
    ("source.kafka.login.security", "\"plaintext\", \"ssl\", \"sasl_plaintext\" or \"sasl_ssl\"."),
    ("source.kafka.login.mechanism", "How a user logs in: SCRAM-SHA-512, SCRAM-SHA-256 or PLAIN."),
    ("source.kafka.login.user", "Name of the user."),
    ("source.kafka.login.password_file", "File whose first line is the password ..."),
    ("source.kafka.login.password_env", "... or the environment variable that is."),
    ("source.kafka.login.ca", "Certificates (PEM) of those who sign the brokers', instead of the system's."),
    ("source.kafka.login.certificate", "Our own certificate (PEM), where brokers want one ..."),
    ("source.kafka.login.key", "... and its key (PEM)."),
    ("source.kafka.login.patience", "A broker that does not answer is waited for so many seconds at the start."),
    ("source.kafka.login.options", "librdkafka's own settings: \"fetch.wait.max.ms\" = \"20\"."),
    (
        "epochs.cut",
        "What an epoch is: \"packets=1000\", \"bytes=64MB\", \"visit\" or \"file\". The state does not depend on it.",
    ),
    ("epochs.in_flight", "How many epochs may be open at once."),
    ("epochs.live_seconds", "Of packets from Kafka an epoch ends after so many seconds ..."),
    ("epochs.live_bytes", "... or with so many bytes of packets."),
    ("run.workers", "Worker threads of each process."),
    (
        "run.max_reject",
        "Stop when more than this share of any 1,000 packets of one schema fail for one reason. 1 never stops.",
    ),
    ("run.future_days", "A packet whose trigger is more than so many days after its receipt is rejected."),
    (
        "run.received",
        "When packets were received (MJD UTC or a date), where nothing else says it. Default: when the job starts.",
    ),
    ("run.bytes_in_flight", "Bytes of packets that may be on their way to be read."),
    ("timescales.timescales", "Window lengths in days, ascending; inf is all of history."),
    ("timescales.photometry", "Which photometry of a visit counts first: \"source-first\" or \"forced-first\"."),
    (
        "timescales.average_minutes",
        "Visits of a series within a slot of so many minutes are averaged before rates and slopes.",
    ),
    ("timescales.new_detections", "`new` needs so many good detections ..."),
    ("timescales.new_span_minutes", "... that span so many minutes."),
    ("timescales.new_max_days", "`candidate` and `new` only in windows of at most so many days ..."),
    ("timescales.solar_system_arcsec", "... and not within so many arcsec of a known solar-system object."),
    ("timescales.reappeared_days", "`reappeared` after so many days without a source of any quality ..."),
    ("timescales.reappeared_visits", "... with so many visits that would have seen it."),
    ("timescales.trend_z", "`rising` and `fading` need a trend of so many sigma ..."),
    ("timescales.turned_sigma", "... and a newest visit within so many sigma of the window's extreme; else `turned`."),
    ("timescales.disagree_z", "Bands disagree when two trends of opposite sign both exceed so many sigma."),
    ("timescales.flare_z", "`flaring` and `dipping` need so many sigma from the baseline."),
    ("timescales.baseline_visits", "A baseline is made of at least so many good visits."),
    ("timescales.variable_z", "`variable` needs this Wilson-Hilferty Z ..."),
    ("timescales.variable_freedom", "... at least so many degrees of freedom (so does `steady`) ..."),
    ("timescales.variable_scatter", "... and an excess scatter of at least this share of the mean total flux."),
    ("timescales.colour_days", "A colour is of two bands' latest visits within so many days."),
    ("timescales.z_levels", "A record is due when the Z of a state crosses one of these. At most 7."),
    (
        "records.emit",
        "On which changes a record is due: \"state\" (a state, or its Z level) or \"features\" (anything).",
    ),
    ("records.emit_expiry", "Also when time alone ends a state; the record before has said when, in valid_until."),
    (
        "records.append_only",
        "No updates and retractions, for consumers that cannot take them. Promises no more than no repeats.",
    ),
    ("records.archival_days", "An alert received more than so many days after its observation is `archival`."),
    ("sink.to", "Folder for records, rejects and reports. Without it everything is counted and nothing written."),
    ("sink.formats", "Forms of records: \"jsonl\", \"avro\"."),
    ("sink.lanes", "Lanes that objects are divided into; part of every message id."),
    ("sink.kafka.topic", "Topic of the records, exactly once (needs an archive). Without it nothing is sent."),
    ("sink.kafka.format", "\"json\", or \"avro\": byte 0, the id of the schema (4 bytes), the datum."),
    ("sink.kafka.current", "Topic (compacted) with what was last said of each object, for those who come later."),
    ("sink.kafka.rejects", "Topic of what was rejected. By default that of the records with \".rejects\"."),
    ("sink.kafka.progress", "Topic of how far each lane is. By default that of the records with \".progress\"."),
    ("sink.kafka.progress_seconds", "A lane with nothing to say says how far it is after so many seconds."),
    (
        "sink.kafka.replication",
        "How many brokers hold the topics that the job makes; those that are there stay as they are.",
    ),
    ("sink.kafka.compression", "\"none\", \"zstd\", \"lz4\", \"snappy\" or \"gzip\"."),
    ("sink.kafka.registry", "URL of a schema registry, for Avro: the schema is put there and has its id from there."),
    ("sink.kafka.schema_id", "Id of the schema, where there is no registry (`skydiff schema` prints it)."),
    (
        "sink.kafka.packet",
        "What of the packet that caused a record goes with it: \"none\", \"all\", \"no-cutouts\", or fields: [\"candidate.magpsf\"].",
    ),
    ("sink.kafka.route.topic", "One more topic, of the records in which ..."),
    ("sink.kafka.route.timescale", "... at this timescale in days (none: at any) ..."),
    ("sink.kafka.route.state", "... this state (none: any) begins, holds or ends."),
    (
        "sink.kafka.route.append_only",
        "Only initial and subsequent records go there, for consumers that cannot take a correction. Promises no more than no repeats.",
    ),
    (
        "archive.url",
        "Where packets, measurements and records are kept: a folder, or file://, s3://. Without it nothing is kept.",
    ),
    (
        "archive.commit_seconds",
        "Epochs wait so long to be committed together, and records for them. Default: 0.1 on a file system, else 1.",
    ),
    (
        "archive.keep.packets",
        "The bytes of packets are kept for so many nights, \"14 nights\": then they expire, and `archive gc` removes them.",
    ),
    ("archive.keep.changes", "Likewise records ..."),
    ("archive.keep.rejects", "... and what was rejected. Default: all for ever. Measurements are never let go."),
    ("survey.*.errors.factor", "Quoted errors are multiplied by this ..."),
    ("survey.*.errors.floor", "... and this share of the total flux is added in quadrature."),
    (
        "survey.*.programs",
        "Programmes (ZTF programid) whose packets are taken and kept; [] takes all. Others are counted as `program`.",
    ),
    ("survey.*.aliases", "More names for a field: \"candidate.jd\" = [\"candidate.juldate\"]."),
    (
        "survey.ztf.quality.procstatus",
        "procstatus codes with which forced photometry counts; a row may have several, all must be listed.",
    ),
    (
        "survey.ztf.quality.reference_radius",
        "Greatest distance, arcsec, at which the nearest reference source is the object itself.",
    ),
    ("survey.*.quality.*flags", "Names of flags that spoil a source in this way."),
    (
        "survey.*.quality.*",
        "Cut on the column of that name: least score (rb, drb, reliability), or greatest value of anything else.",
    ),
];

/// A cluster that is read and one that is written have the same keys.
const LOGIN: &str = "source.kafka.login.";
const OWN_LOGIN: &str = "sink.kafka.login.";

/// What a path means; `None` if there is no such key.
pub fn about(path: &str) -> Option<&'static str> {
    let of = |path: &str| KEYS.iter().find(|(pattern, _)| matches(pattern, path)).map(|(_, about)| *about);
    of(path).or_else(|| of(&format!("{LOGIN}{}", path.strip_prefix(OWN_LOGIN)?)))
}

/// Whether a path fits a pattern, part by part; `*` at the end or the begin of a part stands for anything.
fn matches(pattern: &str, path: &str) -> bool {
    let (patterns, parts) = (pattern.split('.'), path.split('.'));
    patterns.clone().count() == parts.clone().count()
        && patterns.zip(parts).all(|(pattern, part)| match pattern.strip_prefix('*') {
            Some(tail) => part.ends_with(tail),
            None => pattern == part,
        })
}

/// Every path that a job file may have, surveys by name.
pub fn known() -> Vec<String> {
    let own = KEYS.iter().map(|(path, _)| (*path).to_owned()).filter(|path| !path.starts_with("survey."));
    let logins = KEYS.iter().filter_map(|(path, _)| path.strip_prefix(LOGIN)).map(|key| format!("{OWN_LOGIN}{key}"));
    let surveys = SURVEYS.iter().flat_map(|survey| {
        let name = survey.name();
        let quality = survey.quality_defaults();
        let quality: Vec<_> = quality.keys().map(|key| format!("survey.{name}.quality.{key}")).collect();
        ["errors.factor", "errors.floor", "programs", "aliases"]
            .map(|key| format!("survey.{name}.{key}"))
            .into_iter()
            .chain(quality)
    });
    own.chain(logins).chain(surveys).collect()
}

/// The known path that is most like `path`, if one is like it at all.
pub fn nearest(path: &str) -> Option<String> {
    let last = |path: &str| path.rsplit('.').next().unwrap_or("").to_owned();
    // A key in the wrong table is as likely as a misspelt one.
    let likeness =
        |known: &str| strsim::jaro_winkler(known, path).max(0.98 * strsim::jaro_winkler(&last(known), &last(path)));
    let known = known().into_iter().map(|known| (likeness(&known), known));
    known.max_by(|a, b| a.0.total_cmp(&b.0)).filter(|(likeness, _)| *likeness > 0.8).map(|(_, known)| known)
}
