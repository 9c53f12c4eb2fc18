//! What is asked of a simulation: `[simulate]` of a job file, or the flags of `skydiff simulate`.

use crate::sky::Class;
use serde::{Deserialize, Serialize};

/// Whose telescope and whose packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Survey {
    /// The Zwicky Transient Facility: packets of schema 4.02.
    Ztf,
    /// Rubin's Legacy Survey of Space and Time: packets of schema 10.0, 11.0 or 11.1.
    Lsst,
}

impl Survey {
    /// Its name in files and flags.
    pub fn name(self) -> &'static str {
        match self {
            Survey::Ztf => "ztf",
            Survey::Lsst => "lsst",
        }
    }
}

/// A simulation. Equal settings give equal bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Which survey.
    pub survey: Survey,
    /// Everything follows from it.
    pub seed: u64,
    /// Date (UTC) of the first night, as MJD.
    pub start: i32,
    /// How many nights.
    pub nights: u32,
    /// Days that the survey had been going on before the first night: what histories can reach back to.
    pub before: u32,
    /// Visits in a clear night.
    pub visits: u32,
    /// About so many alerts a visit.
    pub alerts: f64,
    /// LSST: the Confluent id of the packets' schema.
    pub schema: u32,
    /// Whether packets carry stamps.
    pub cutouts: bool,
    /// Whether there are clouds and a moon.
    pub weather: bool,
    /// Only these classes; empty is all but `constant`.
    pub classes: Vec<Class>,
    /// How the noise departs from what the survey says of it.
    pub noise: Noise,
    /// What goes wrong on the way.
    pub trouble: Trouble,
}

/// How the noise departs from what the survey says of it. Shares from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Noise {
    /// Share of objects whose noise has a part that is the same for days.
    pub correlated: f64,
    /// Share of objects whose errors are quoted too small …
    pub underestimated: f64,
    /// … by this factor.
    pub factor: f64,
}

/// What goes wrong on the way. Shares from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Trouble {
    /// Share of packets that come minutes to days late.
    pub late: f64,
    /// Share of packets that come twice.
    pub duplicate: f64,
    /// Share of packets that are spoiled on the way.
    pub corrupt: f64,
    /// Share of objects some of whose sources are measured again on a later day (LSST).
    pub remeasured: f64,
    /// Share of objects some of whose sources are withdrawn on a later day (LSST).
    pub withdrawn: f64,
    /// Share of objects whose sources go over to another object on a later day.
    pub moved: f64,
    /// Mean seconds by which packets of a visit get out of order.
    pub jitter: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            survey: Survey::Ztf,
            // Its first nights are clear.
            seed: 2,
            start: 61_041, // 2026-01-01
            nights: 3,
            before: 30,
            visits: 40,
            alerts: 100.0,
            schema: 1101,
            cutouts: true,
            weather: true,
            classes: Vec::new(),
            noise: Noise::default(),
            trouble: Trouble::default(),
        }
    }
}

impl Default for Noise {
    fn default() -> Self {
        Noise { correlated: 0.05, underestimated: 0.1, factor: 1.5 }
    }
}

impl Default for Trouble {
    fn default() -> Self {
        Trouble {
            late: 0.01,
            duplicate: 0.005,
            corrupt: 0.002,
            remeasured: 0.01,
            withdrawn: 0.01,
            moved: 0.01,
            jitter: 20.0,
        }
    }
}

impl Trouble {
    /// Nothing goes wrong.
    pub const NONE: Trouble =
        Trouble { late: 0.0, duplicate: 0.0, corrupt: 0.0, remeasured: 0.0, withdrawn: 0.0, moved: 0.0, jitter: 0.0 };
}

impl Settings {
    /// What is wrong with them, in words that say what to do.
    pub fn check(&self) -> Result<(), String> {
        let Settings { noise, trouble, .. } = self;
        let shares = [
            ("noise.correlated", noise.correlated),
            ("noise.underestimated", noise.underestimated),
            ("trouble.late", trouble.late),
            ("trouble.duplicate", trouble.duplicate),
            ("trouble.corrupt", trouble.corrupt),
            ("trouble.remeasured", trouble.remeasured),
            ("trouble.withdrawn", trouble.withdrawn),
            ("trouble.moved", trouble.moved),
        ];
        for (name, share) in shares {
            if !(0.0..=1.0).contains(&share) {
                return Err(format!("{name} = {share}: give a share from 0 to 1"));
            }
        }
        let within = |name: &str, value: f64, least: f64, most: f64| match (least..=most).contains(&value) {
            true => Ok(()),
            false => Err(format!("{name} = {value}: give a number from {least} to {most}")),
        };
        within("nights", f64::from(self.nights), 1.0, 5000.0)?;
        within("before", f64::from(self.before), 0.0, 5000.0)?;
        // Dates in names of files are read up to 2099, and the clocks of these surveys begin in 2017.
        within("start", f64::from(self.start) - f64::from(self.before), 57_754.0, 80_000.0)?;
        within("visits", f64::from(self.visits), 1.0, 1000.0)?;
        within("alerts", self.alerts, 0.1, 20_000.0)?;
        within("noise.factor", noise.factor, 0.1, 100.0)?;
        within("trouble.jitter", trouble.jitter, 0.0, 600.0)?;
        if self.survey == Survey::Lsst && ![1000, 1100, 1101].contains(&self.schema) {
            return Err(format!("schema = {}: LSST packets are written as 1000, 1100 or 1101", self.schema));
        }
        if trouble.remeasured + trouble.withdrawn + trouble.moved > 1.0 {
            return Err("trouble.remeasured, withdrawn and moved together: give at most 1".into());
        }
        Ok(())
    }

    /// Whether there are objects of a class.
    pub(crate) fn has(&self, class: Class) -> bool {
        if self.classes.is_empty() { class != Class::Constant } else { self.classes.contains(&class) }
    }
}

impl Serialize for Class {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Class {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Class, D::Error> {
        let name = String::deserialize(deserializer)?;
        class(&name).map_err(serde::de::Error::custom)
    }
}

/// The class of a name. The error lists all names.
pub(crate) fn class(name: &str) -> Result<Class, String> {
    let all = || Class::ALL.map(Class::name).join(", ");
    Class::from_name(name).ok_or_else(|| format!("`{name}` is no class: they are {}", all()))
}
