//! The flags that say which survey is simulated, shared by the verbs that simulate one.

use clap::{Args, ValueEnum};
use skydiff_dataflow::source::night::parse_time;
use skydiff_schemas::MicroDays;
use skydiff_simulate::sky::Class;
use skydiff_simulate::{Settings, Survey, Trouble};

/// Which survey.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Name {
    /// Zwicky Transient Facility: packets of schema 4.02, Avro containers
    Ztf,
    /// Rubin/LSST: packets of schema 11.1, Confluent framing
    Lsst,
}

/// The flags.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "The simulated survey")]
pub struct Flags {
    /// Whose telescope and packets
    #[arg(long, value_enum, default_value_t = Name::Ztf)]
    survey: Name,
    /// Everything that is random follows from it: equal flags give equal bytes
    #[arg(long, value_name = "N", default_value_t = 2)]
    seed: u64,
    /// How many nights
    #[arg(long, value_name = "N", default_value_t = 3)]
    nights: u32,
    /// Date (UTC) of the first night
    #[arg(long, value_name = "DATE", default_value = "2026-01-01")]
    start: String,
    /// Days that the survey had been going on before: what histories in packets reach back to
    #[arg(long, value_name = "DAYS", default_value_t = 30)]
    before: u32,
    /// Visits in a clear night (the real surveys: about 600 and 900)
    #[arg(long, value_name = "N", default_value_t = 40)]
    visits: u32,
    /// About so many alerts a visit (the real surveys: 1000 and 10000)
    #[arg(long, value_name = "N", default_value_t = 60.0)]
    alerts: f64,
    /// LSST: Confluent id of the packets' schema: 1000, 1100 or 1101
    #[arg(long, value_name = "ID", default_value_t = 1101)]
    schema: u32,
    /// No stamps in the packets: many times as fast, and a third of the size
    #[arg(long)]
    no_cutouts: bool,
    /// No clouds and no moon
    #[arg(long)]
    no_weather: bool,
    /// Only these classes of objects, separated by commas: `constant` is a sky on which nothing happens
    #[arg(long, value_name = "CLASS,...", value_delimiter = ',', value_parser = class)]
    classes: Vec<Class>,
    /// Nothing goes wrong: no late, doubled, spoiled, corrected or withdrawn packets and sources
    #[arg(long)]
    no_trouble: bool,
    /// Share of packets that come minutes to days late
    #[arg(long, value_name = "SHARE")]
    late: Option<f64>,
    /// Share of packets that come twice
    #[arg(long, value_name = "SHARE")]
    duplicate: Option<f64>,
    /// Share of packets that are spoiled on the way
    #[arg(long, value_name = "SHARE")]
    corrupt: Option<f64>,
    /// Share of objects some of whose sources are measured again on a later day (LSST)
    #[arg(long, value_name = "SHARE")]
    remeasured: Option<f64>,
    /// Share of objects some of whose sources are withdrawn on a later day (LSST)
    #[arg(long, value_name = "SHARE")]
    withdrawn: Option<f64>,
    /// Share of objects whose sources go over to another object on a later day
    #[arg(long, value_name = "SHARE")]
    moved: Option<f64>,
    /// Share of objects whose noise has a part that lasts for days
    #[arg(long, value_name = "SHARE")]
    correlated: Option<f64>,
    /// Share of objects whose errors are quoted 1.5 times too small
    #[arg(long, value_name = "SHARE")]
    underestimated: Option<f64>,
}

fn class(name: &str) -> Result<Class, String> {
    let all = || Class::ALL.map(Class::name).join(", ");
    Class::from_name(name).ok_or_else(|| format!("the classes are {}", all()))
}

impl Flags {
    /// As settings. The error names the flag.
    pub fn settings(&self) -> Result<Settings, String> {
        let start = parse_time(&self.start).map_err(|wrong| format!("--start: {wrong}"))?;
        let mut settings = Settings {
            survey: if self.survey == Name::Ztf { Survey::Ztf } else { Survey::Lsst },
            seed: self.seed,
            start: i32::try_from(start.0.div_euclid(MicroDays::DAY.0)).unwrap_or_default(),
            nights: self.nights,
            before: self.before,
            visits: self.visits,
            alerts: self.alerts,
            schema: self.schema,
            cutouts: !self.no_cutouts,
            weather: !self.no_weather,
            classes: self.classes.clone(),
            ..Settings::default()
        };
        if self.no_trouble {
            settings.trouble = Trouble::NONE;
        }
        let trouble = &mut settings.trouble;
        let noise = &mut settings.noise;
        for (flag, share) in [
            (self.late, &mut trouble.late),
            (self.duplicate, &mut trouble.duplicate),
            (self.corrupt, &mut trouble.corrupt),
            (self.remeasured, &mut trouble.remeasured),
            (self.withdrawn, &mut trouble.withdrawn),
            (self.moved, &mut trouble.moved),
            (self.correlated, &mut noise.correlated),
            (self.underestimated, &mut noise.underestimated),
        ] {
            *share = flag.unwrap_or(*share);
        }
        settings.check()?;
        Ok(settings)
    }
}
