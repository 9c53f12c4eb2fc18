//! How a Kafka cluster is reached: what a job file says of it, as what librdkafka is told.
//!
//! A password is never in a job file: it is read from a file or from the environment when a client is made, and is in no
//! message and no log. librdkafka retries for ever what a person must mend, so the first sign of that is an error here
//! ([`Trouble`]), which says what to do.

use super::delivery::Delivery;
use rdkafka::client::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::producer::{DeliveryResult, NoCustomPartitioner, ProducerContext};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// Where a password is looked for if the job file does not say.
const PASSWORD: &str = "SKYDIFF_KAFKA_PASSWORD";

/// A cluster, and who we are there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Login {
    /// `host:port` of one or more of its brokers, separated by commas.
    pub brokers: String,
    /// How the connection is secured.
    pub security: Security,
    /// Of SASL: `SCRAM-SHA-512`, `SCRAM-SHA-256` or `PLAIN`.
    pub mechanism: String,
    /// Name of the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// File whose first line is the password …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
    /// … or the environment variable that is.
    pub password_env: String,
    /// Certificates of those who sign the brokers' (PEM), in the place of the system's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
    /// Our own certificate and its key (PEM), where the brokers want one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<PathBuf>,
    /// Its key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<PathBuf>,
    /// How long, in seconds, a broker that does not answer is waited for.
    pub patience: f64,
    /// librdkafka's own settings, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, String>,
}

/// How a connection is secured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Security {
    /// Not at all.
    #[default]
    Plaintext,
    /// TLS.
    Ssl,
    /// A user with a password, in the clear.
    SaslPlaintext,
    /// A user with a password, over TLS.
    SaslSsl,
}

impl Security {
    /// As librdkafka calls it.
    pub fn name(self) -> &'static str {
        match self {
            Security::Plaintext => "plaintext",
            Security::Ssl => "ssl",
            Security::SaslPlaintext => "sasl_plaintext",
            Security::SaslSsl => "sasl_ssl",
        }
    }

    fn has_user(self) -> bool {
        matches!(self, Security::SaslPlaintext | Security::SaslSsl)
    }
}

impl Default for Login {
    fn default() -> Self {
        Login {
            brokers: "127.0.0.1:9092".into(),
            security: Security::default(),
            mechanism: "SCRAM-SHA-512".into(),
            user: None,
            password_file: None,
            password_env: PASSWORD.into(),
            ca: None,
            certificate: None,
            key: None,
            patience: 30.0,
            options: BTreeMap::new(),
        }
    }
}

/// Names that a job file may not set through `options`: they have keys of their own, or are what skydiff relies on.
const OURS: [&str; 9] = [
    "bootstrap.servers",
    "sasl.password",
    "sasl.username",
    "security.protocol",
    "transactional.id",
    "enable.auto.commit",
    "auto.offset.reset",
    "isolation.level",
    "enable.idempotence",
];

impl Login {
    /// What can be seen to be wrong without a connection.
    pub fn check(&self) -> Result<(), String> {
        if self.brokers.trim().is_empty() {
            return Err("brokers: name host:port of one broker or more".into());
        }
        if !(0.1..=3600.0).contains(&self.patience) {
            return Err(format!("patience = {}: give a number of seconds, 0.1 to 3600", self.patience));
        }
        if self.security.has_user() && self.user.is_none() {
            return Err(format!("security = \"{}\" needs a user", self.security.name()));
        }
        match self.options.keys().find(|key| OURS.contains(&key.as_str())) {
            Some(key) => {
                Err(format!("options.\"{key}\" is not to be set there: it has a key of its own, or must be as it is"))
            }
            None => Ok(()),
        }
    }

    /// What every client is told. The error names the key, and no secret.
    pub fn config(&self) -> Result<ClientConfig, String> {
        self.check()?;
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.brokers)
            .set("security.protocol", self.security.name())
            .set("client.id", "skydiff")
            // Brokers that die come back within seconds: librdkafka would wait for up to ten.
            .set("reconnect.backoff.max.ms", "1000")
            .set("topic.metadata.refresh.interval.ms", "10000")
            .set("log.connection.close", "false")
            .set_log_level(RDKafkaLogLevel::Error);
        if self.security.has_user() {
            config
                .set("sasl.mechanisms", &self.mechanism)
                .set("sasl.username", self.user.as_deref().unwrap_or_default())
                .set("sasl.password", self.password()?);
        }
        for (key, path) in [
            ("ssl.ca.location", &self.ca),
            ("ssl.certificate.location", &self.certificate),
            ("ssl.key.location", &self.key),
        ] {
            if let Some(path) = path {
                config.set(key, readable(path)?);
            }
        }
        for (key, value) in &self.options {
            config.set(key, value);
        }
        Ok(config)
    }

    fn password(&self) -> Result<String, String> {
        let text = match &self.password_file {
            Some(path) => {
                std::fs::read_to_string(path).map_err(|error| format!("password_file {}: {error}", path.display()))?
            }
            None => std::env::var(&self.password_env).map_err(|_| {
                let user = self.user.as_deref().unwrap_or_default();
                format!("no password for user {user}: set {} or password_file", self.password_env)
            })?,
        };
        Ok(text.lines().next().unwrap_or_default().to_owned())
    }
}

fn readable(path: &Path) -> Result<&str, String> {
    std::fs::File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
    path.to_str().ok_or_else(|| format!("{}: give a path in UTF-8", path.display()))
}

/// What a person must mend: librdkafka tells it in passing and tries again.
#[derive(Clone, Debug, Default)]
pub struct Trouble(Arc<Mutex<Option<String>>>);

impl Trouble {
    /// What it is, if there is any.
    pub fn is_there(&self) -> Option<String> {
        self.0.lock().ok()?.clone()
    }

    fn tell(&self, code: Option<Code>, reason: &str) {
        let Some(what) = code.and_then(|code| lasting(code, reason)) else { return };
        if let Ok(mut known) = self.0.lock() {
            known.get_or_insert(what);
        }
    }
}

/// A client's ear: keeps what is wrong and lets nothing out on the terminal.
#[derive(Clone, Debug, Default)]
pub struct Ear {
    /// What it has heard.
    pub trouble: Trouble,
    /// Whether a consumer group is used. Kafka's client asks for one in any case, and to be refused is no trouble otherwise.
    pub group: bool,
}

impl ClientContext for Ear {
    /// A consumer is told an error's code alone; why, only the log says.
    fn log(&self, _: RDKafkaLogLevel, _: &str, text: &str) {
        if text.contains("SSL handshake failed") {
            self.trouble.tell(Some(Code::SSL), text);
        } else if text.contains("SaslAuthenticateRequest failed") || text.contains("SASL authentication error") {
            self.trouble.tell(Some(Code::Authentication), text);
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let code = error.rdkafka_error_code();
        if self.group || code != Some(Code::GroupAuthorizationFailed) {
            self.trouble.tell(code, reason);
        }
    }
}

impl ConsumerContext for Ear {}

impl ProducerContext for Ear {
    type DeliveryOpaque = Box<Delivery>;

    fn delivery(&self, result: &DeliveryResult<'_>, delivery: Box<Delivery>) {
        if let Err((error, _)) = result {
            delivery.tell(error);
        }
    }
}

/// A producer that partitions nothing by itself.
pub type Producer = rdkafka::producer::BaseProducer<Ear, NoCustomPartitioner>;
/// A consumer.
pub type Consumer = rdkafka::consumer::BaseConsumer<Ear>;

/// What an error code means, if trying again will not help.
pub(super) fn lasting(code: Code, reason: &str) -> Option<String> {
    Some(match code {
        Code::Authentication | Code::SaslAuthenticationFailed => {
            "the brokers refuse this user or its password: look at user, mechanism and the password".into()
        }
        Code::SSL if reason.contains("PLAINTEXT broker listener") => {
            "no secure connection: at this port the broker speaks no TLS: look at security and the port".into()
        }
        // Without more than the code (a consumer's own error) there is nothing to be quoted.
        Code::SSL => format!(
            "no secure connection{}: look at ca (whose certificates are trusted), certificate and key",
            reason.rsplit_once("routines::").map(|(_, why)| format!(": {}", shorter(why))).unwrap_or_default()
        ),
        Code::TopicAuthorizationFailed => "this user may not use the topic: ask for the right (ACL)".into(),
        Code::GroupAuthorizationFailed => "this user may not use the consumer group: ask for the right (ACL)".into(),
        Code::ClusterAuthorizationFailed => "this user may not do this on the cluster: ask for the right (ACL)".into(),
        Code::TransactionalIdAuthorizationFailed => {
            "this user may not use transactional ids that begin with the job's name: ask for the right (ACL)".into()
        }
        Code::UnsupportedSASLMechanism => "the brokers do not know this mechanism: look at mechanism".into(),
        _ => return None,
    })
}

/// The first part of what librdkafka says, without its own advice and counts.
fn shorter(why: &str) -> &str {
    why.split([':', '(', ',']).next().unwrap_or(why).trim()
}

/// Whether it may be better in a moment: a broker that is away, a leader that is being chosen.
pub fn passes(error: &KafkaError) -> bool {
    matches!(
        code_of(error),
        Some(
            Code::LeaderNotAvailable
                | Code::NotLeaderForPartition
                | Code::UnknownPartition
                | Code::BrokerTransportFailure
                | Code::AllBrokersDown
                | Code::OperationTimedOut
                | Code::RequestTimedOut
                | Code::Resolve
                | Code::CoordinatorLoadInProgress
                | Code::CoordinatorNotAvailable
                | Code::NotCoordinator
                // What was asked of a broker that has left meanwhile.
                | Code::BrokerDestroy
                | Code::DestroyBroker
        )
    )
}

/// The code of an error, of those that an administrator's request met too, which the client's own answer leaves out.
fn code_of(error: &KafkaError) -> Option<Code> {
    match error {
        KafkaError::AdminOp(code) => Some(*code),
        error => error.rdkafka_error_code(),
    }
}

/// What a person must mend, if it is that.
pub fn lasts(error: &KafkaError) -> Option<String> {
    lasting(code_of(error)?, &error.to_string())
}

/// An error in words that say what to do.
pub fn explain(error: &KafkaError, brokers: &str) -> String {
    let code = code_of(error);
    let of = code.and_then(|code| lasting(code, &error.to_string()));
    match (of, code) {
        (Some(what), _) => format!("Kafka at {brokers}: {what}"),
        (None, Some(Code::AllBrokersDown | Code::BrokerTransportFailure | Code::OperationTimedOut | Code::Resolve)) => {
            format!(
                "Kafka at {brokers}: no broker answers: is it there, is this its address, and does it want TLS or a user (security)?"
            )
        }
        (None, Some(Code::UnknownTopic | Code::UnknownTopicOrPartition)) => {
            format!("Kafka at {brokers}: there is no such topic")
        }
        _ => format!("Kafka at {brokers}: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_come_from_elsewhere_and_are_told_to_nobody() {
        let path = std::env::temp_dir().join(format!("skydiff-password-{}", std::process::id()));
        std::fs::write(&path, "hush\n").unwrap();
        let login = Login {
            security: Security::SaslSsl,
            user: Some("someone".into()),
            password_file: Some(path.clone()),
            ..Login::default()
        };
        let config = login.config().unwrap();
        assert_eq!(config.get("sasl.password"), Some("hush"));
        assert!(!format!("{login:?}").contains("hush"));
        assert!(!toml::to_string(&login).unwrap().contains("hush"));
        std::fs::remove_file(&path).unwrap();
        let why = login.config().unwrap_err();
        assert!(why.contains("password_file") && why.contains("skydiff-password"), "{why}");
        let none = Login { password_file: None, password_env: "SKYDIFF_NOT_THERE".into(), ..login };
        let why = none.config().unwrap_err();
        assert!(why.contains("SKYDIFF_NOT_THERE"), "{why}");
    }

    #[test]
    fn what_is_wrong_is_said_before_anything_is_tried() {
        let wrong = |login: Login| login.config().map(drop).unwrap_err();
        assert!(wrong(Login { brokers: " ".into(), ..Login::default() }).contains("host:port"));
        assert!(wrong(Login { security: Security::SaslSsl, ..Login::default() }).contains("needs a user"));
        assert!(wrong(Login { patience: 0.0, ..Login::default() }).contains("seconds"));
        assert!(wrong(Login { ca: Some("/no/ca.pem".into()), ..Login::default() }).contains("/no/ca.pem"));
        let options = [("sasl.password".to_owned(), "x".to_owned())].into();
        assert!(wrong(Login { options, ..Login::default() }).contains("sasl.password"));
    }
}
