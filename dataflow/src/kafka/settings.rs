//! What a job file says of Kafka: the topics that are read, and those that are written.

use super::connect::Login;
use crate::source::night::parse_time;
use serde::{Deserialize, Serialize};
use skydiff_schemas::MicroDays;

/// A `[[source]]` of kind `kafka`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LiveSettings {
    /// Topics by name, or by pattern where one begins with `^`.
    pub topics: Vec<String>,
    /// Where partitions are begun that were never read.
    pub start: Start,
    /// Whether the source ends.
    pub until: Until,
    /// Put before topics' names in bindings and in the archive, where several clusters have topics of one name.
    pub label: String,
    /// Consumer group to which positions are told, for tools that show lag. They are never read. Empty: to none.
    pub group: String,
    /// How often, in seconds, it is looked for new topics and partitions.
    pub look_seconds: f64,
    /// A schema registry, for schema ids that are neither built in nor in the folder of schemas.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry: Option<String>,
    /// Its cluster.
    pub login: Login,
}

impl Default for LiveSettings {
    fn default() -> Self {
        LiveSettings {
            topics: Vec::new(),
            start: Start::Earliest,
            until: Until::Never,
            label: String::new(),
            group: String::new(),
            look_seconds: 10.0,
            registry: None,
            login: Login::default(),
        }
    }
}

impl LiveSettings {
    /// What can be seen to be wrong without a connection.
    pub fn check(&self) -> Result<(), String> {
        if self.topics.is_empty() {
            return Err("topics: name those to be read, or patterns: [\"^ztf_.*_programid1$\"]".into());
        }
        if !(0.05..=3600.0).contains(&self.look_seconds) {
            return Err(format!("look_seconds = {}: give a number of seconds, 0.05 to 3600", self.look_seconds));
        }
        self.login.check().map_err(|wrong| format!("login.{wrong}"))
    }
}

/// Where a partition is begun that was never read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Start {
    /// With what is oldest there.
    Earliest,
    /// With what comes from now on.
    Latest,
    /// With this offset, or the oldest behind it.
    Offset(u64),
    /// With the first message of this time (MJD UTC) or later.
    Time(MicroDays),
}

impl std::str::FromStr for Start {
    type Err = String;

    fn from_str(text: &str) -> Result<Start, String> {
        match text {
            "earliest" => return Ok(Start::Earliest),
            "latest" => return Ok(Start::Latest),
            _ => {}
        }
        if let Some(offset) = text.strip_prefix("offset=").and_then(|number| number.parse().ok()) {
            return Ok(Start::Offset(offset));
        }
        let wrong = |_| format!("`{text}` is no start: write earliest, latest, offset=1234, an MJD or a date (UTC)");
        parse_time(text).map(Start::Time).map_err(wrong)
    }
}

impl TryFrom<String> for Start {
    type Error = String;

    fn try_from(text: String) -> Result<Start, String> {
        text.parse()
    }
}

impl From<Start> for String {
    fn from(start: Start) -> String {
        match start {
            Start::Earliest => "earliest".into(),
            Start::Latest => "latest".into(),
            Start::Offset(offset) => format!("offset={offset}"),
            Start::Time(time) => time.days().to_string(),
        }
    }
}

/// Whether a live source ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Until {
    /// It does not.
    #[default]
    Never,
    /// When everything is read that was there when it began.
    End,
}

/// `[sink.kafka]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OutSettings {
    /// Topic of the records; without one nothing is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// Form of the records.
    pub format: Form,
    /// Topic that holds, of every object, what was last said of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current: Option<String>,
    /// Topic of what was rejected. By default that of the records with `.rejects`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejects: Option<String>,
    /// Topic of how far each lane is. By default that of the records with `.progress`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<String>,
    /// A lane that has nothing to say says how far it is after so many seconds.
    pub progress_seconds: f64,
    /// How many brokers hold each of the topics that are made.
    pub replication: i32,
    /// How messages are compressed: `none`, `zstd`, `lz4`, `snappy`, `gzip`.
    pub compression: String,
    /// A schema registry, for Avro. Without one the schema's id is `schema_id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry: Option<String>,
    /// The id before each Avro datum, where there is no registry.
    pub schema_id: u32,
    /// What of the packet that caused a record goes with it.
    pub packet: Enclose,
    /// More topics, each with a choice of the records.
    pub route: Vec<Route>,
    /// Their cluster.
    pub login: Login,
}

impl Default for OutSettings {
    fn default() -> Self {
        OutSettings {
            topic: None,
            format: Form::Json,
            current: None,
            rejects: None,
            progress: None,
            progress_seconds: 10.0,
            replication: 1,
            compression: "zstd".into(),
            registry: None,
            schema_id: 1,
            packet: Enclose::None,
            route: Vec::new(),
            login: Login::default(),
        }
    }
}

/// A form of messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// A JSON object.
    #[default]
    Json,
    /// Byte 0, the id of the schema, an Avro datum.
    Avro,
}

/// What of the packet that caused a record goes with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "EncloseText", into = "EncloseText")]
pub enum Enclose {
    /// Nothing.
    #[default]
    None,
    /// All of it, byte for byte.
    All,
    /// All but its images, as JSON.
    NoCutouts,
    /// These fields, by their paths (`candidate.magpsf`), as JSON.
    Fields(Vec<String>),
}

/// As a job file has it.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum EncloseText {
    Word(String),
    Fields(Vec<String>),
}

impl std::str::FromStr for Enclose {
    type Err = String;

    /// As a flag or a variable has it: a word, or fields with commas between them.
    fn from_str(text: &str) -> Result<Enclose, String> {
        match text {
            "none" => Ok(Enclose::None),
            "all" => Ok(Enclose::All),
            "no-cutouts" => Ok(Enclose::NoCutouts),
            fields => Enclose::fields(fields.split(',').map(|field| field.trim().to_owned()).collect()),
        }
    }
}

impl Enclose {
    fn fields(paths: Vec<String>) -> Result<Enclose, String> {
        if paths.is_empty() || paths.iter().any(|path| path.split('.').any(str::is_empty)) {
            return Err(
                "packet: write \"none\", \"all\", \"no-cutouts\", or a list of fields: [\"candidate.magpsf\"]".into()
            );
        }
        Ok(Enclose::Fields(paths))
    }
}

impl TryFrom<EncloseText> for Enclose {
    type Error = String;

    fn try_from(text: EncloseText) -> Result<Enclose, String> {
        match text {
            EncloseText::Word(word) => word.parse(),
            EncloseText::Fields(paths) => Enclose::fields(paths),
        }
    }
}

impl From<Enclose> for EncloseText {
    fn from(enclose: Enclose) -> EncloseText {
        match enclose {
            Enclose::None => EncloseText::Word("none".into()),
            Enclose::All => EncloseText::Word("all".into()),
            Enclose::NoCutouts => EncloseText::Word("no-cutouts".into()),
            Enclose::Fields(paths) => EncloseText::Fields(paths),
        }
    }
}

/// A topic of some of the records: those in which this state begins, holds or ends.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Route {
    /// Which topic.
    pub topic: String,
    /// At which timescale, in days; none: at any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timescale: Option<f64>,
    /// Which state; none: any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Only additions, `initial` and `subsequent`, for consumers that cannot take a correction.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub append_only: bool,
}

impl OutSettings {
    /// What can be seen to be wrong without a connection.
    pub fn check(&self) -> Result<(), String> {
        if !(0.05..=3600.0).contains(&self.progress_seconds) {
            return Err(format!(
                "progress_seconds = {}: give a number of seconds, 0.05 to 3600",
                self.progress_seconds
            ));
        }
        if !["none", "zstd", "lz4", "snappy", "gzip"].contains(&self.compression.as_str()) {
            return Err(format!("compression = \"{}\": write none, zstd, lz4, snappy or gzip", self.compression));
        }
        if let Some(place) = self.route.iter().position(|route| route.topic.is_empty()) {
            return Err(format!("route {place} names no topic"));
        }
        self.login.check().map_err(|wrong| format!("login.{wrong}"))
    }

    /// Whether topics are named that nothing goes to, since the records have none. A topic may come by a flag, later.
    pub fn is_lost(&self) -> bool {
        self.topic.is_none() && (!self.route.is_empty() || self.current.is_some())
    }

    /// The topics, if records are sent at all.
    pub fn topics(&self) -> Option<Topics> {
        let records = self.topic.clone()?;
        let beside = |own: &Option<String>, what: &str| own.clone().unwrap_or_else(|| format!("{records}.{what}"));
        Some(Topics {
            progress: beside(&self.progress, "progress"),
            rejects: beside(&self.rejects, "rejects"),
            current: self.current.clone(),
            routes: self.route.iter().map(|route| route.topic.clone()).collect(),
            records,
        })
    }
}

/// Names of the topics that a job writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topics {
    /// Of records.
    pub records: String,
    /// Of how far each lane is.
    pub progress: String,
    /// Of rejects.
    pub rejects: String,
    /// Of what was last said of every object.
    pub current: Option<String>,
    /// Of some of the records.
    pub routes: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_are_read_and_written() {
        for text in ["earliest", "latest", "offset=12", "60000.5"] {
            assert_eq!(String::from(text.parse::<Start>().unwrap()), text);
        }
        assert_eq!("2026-03-09T12:00:00Z".parse::<Start>(), "61108.5".parse());
        for wrong in ["newest", "offset=", "offset=-1", ""] {
            assert!(wrong.parse::<Start>().unwrap_err().contains("earliest, latest"), "{wrong}");
        }
    }

    #[test]
    fn what_goes_along_is_a_word_or_a_list() {
        let fields = |paths: &[&str]| Enclose::Fields(paths.iter().map(|path| (*path).to_owned()).collect());
        for (text, expected) in [
            ("\"none\"", Enclose::None),
            ("\"all\"", Enclose::All),
            ("\"no-cutouts\"", Enclose::NoCutouts),
            ("[\"candidate.jd\", \"objectId\"]", fields(&["candidate.jd", "objectId"])),
        ] {
            let settings: OutSettings = toml::from_str(&format!("packet = {text}")).unwrap();
            assert_eq!(settings.packet, expected);
            assert_eq!(toml::from_str::<OutSettings>(&toml::to_string(&settings).unwrap()).unwrap(), settings);
        }
        assert_eq!("candidate.jd, objectId".parse(), Ok(fields(&["candidate.jd", "objectId"])));
        for wrong in ["[]", "[\"\"]", "\"\"", "\"candidate.\"", "3"] {
            assert!(toml::from_str::<OutSettings>(&format!("packet = {wrong}")).is_err(), "{wrong}");
        }
    }

    #[test]
    fn topics_are_named_after_the_records() {
        let own = OutSettings { topic: Some("sky".into()), rejects: Some("dead".into()), ..OutSettings::default() };
        let topics = own.topics().unwrap();
        assert_eq!((topics.progress.as_str(), topics.rejects.as_str()), ("sky.progress", "dead"));
        assert_eq!(OutSettings::default().topics(), None);
        let lost = OutSettings { current: Some("now".into()), ..OutSettings::default() };
        assert!(lost.is_lost() && !own.is_lost());
        assert!(LiveSettings::default().check().unwrap_err().starts_with("topics"));
    }
}
