//! The flags that say how a Kafka cluster is reached, shared by the verbs that reach one.

use clap::{Args, ValueEnum};
use skydiff_dataflow::kafka::connect::{Login, Security};
use std::path::PathBuf;

/// How connections are secured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum How {
    /// Not at all
    Plaintext,
    /// TLS
    Ssl,
    /// A user with a password, in the clear
    SaslPlaintext,
    /// A user with a password, over TLS
    SaslSsl,
}

/// The flags.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "The Kafka cluster")]
#[group(id = "cluster")]
pub struct Flags {
    /// host:port of one or more of its brokers, separated by commas
    #[arg(long, value_name = "HOST:PORT,...", default_value = "127.0.0.1:9092", env = "SKYDIFF_KAFKA_BROKERS")]
    brokers: String,
    /// How the connection is secured. Default: sasl_ssl with --user, else ssl with --ca, else plaintext
    #[arg(long, value_enum)]
    security: Option<How>,
    /// Of sasl: SCRAM-SHA-512, SCRAM-SHA-256 or PLAIN
    #[arg(long, value_name = "NAME", default_value = "SCRAM-SHA-512")]
    mechanism: String,
    /// Name of the user; the password is in the environment (SKYDIFF_KAFKA_PASSWORD), or in --password-file
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// File whose first line is the password
    #[arg(long, value_name = "FILE", requires = "user")]
    password_file: Option<PathBuf>,
    /// Certificates of those who sign the brokers' (PEM), in the place of the system's
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Our own certificate (PEM), where the brokers want one
    #[arg(long, value_name = "FILE", requires = "certificate_key")]
    certificate: Option<PathBuf>,
    /// Its key (PEM)
    #[arg(long, value_name = "FILE", requires = "certificate")]
    certificate_key: Option<PathBuf>,
    /// Seconds for which a broker that does not answer is waited for
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0)]
    patience: f64,
    /// One of librdkafka's own settings. May be given more than once
    #[arg(long = "option", value_name = "KEY=VALUE", value_parser = pair)]
    options: Vec<(String, String)>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

impl Flags {
    /// As settings. The error names the flag.
    pub fn login(&self) -> Result<Login, String> {
        let security = match self.security {
            Some(How::Plaintext) => Security::Plaintext,
            Some(How::Ssl) => Security::Ssl,
            Some(How::SaslPlaintext) => Security::SaslPlaintext,
            Some(How::SaslSsl) => Security::SaslSsl,
            None if self.user.is_some() => Security::SaslSsl,
            None if self.ca.is_some() || self.certificate.is_some() => Security::Ssl,
            None => Security::Plaintext,
        };
        let login = Login {
            brokers: self.brokers.clone(),
            security,
            mechanism: self.mechanism.clone(),
            user: self.user.clone(),
            password_file: self.password_file.clone(),
            ca: self.ca.clone(),
            certificate: self.certificate.clone(),
            key: self.certificate_key.clone(),
            patience: self.patience,
            options: self.options.iter().cloned().collect(),
            ..Login::default()
        };
        login.check()?;
        Ok(login)
    }
}
