//! What is known of an object at an epoch: the rows of `transients(object, timescale) → states, Z, features`.

use serde::{Deserialize, Serialize};
use skydiff_schemas::{Band, Context, Kind, MicroDays, ObjectId, PicoJansky, Position, SourceId};

/// A state that an object can be in at a timescale (DESIGN §4.4), by its bit in [`States`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum State {
    /// Detected once, for the first time, in the window.
    Candidate,
    /// Detected for the first time in the window, and confirmed.
    New,
    /// Detected after a long silence.
    Reappeared,
    /// Brightening.
    Rising,
    /// Getting fainter.
    Fading,
    /// A significant trend that the newest visit has left.
    Turned,
    /// Above its baseline.
    Flaring,
    /// Below its baseline.
    Dipping,
    /// Scattering more than its errors.
    Variable,
    /// Measured well and none of rising, fading, turned, flaring, dipping, variable.
    Steady,
}

impl State {
    /// All of them, in order of their bits.
    pub const ALL: [State; 10] = [
        State::Candidate,
        State::New,
        State::Reappeared,
        State::Rising,
        State::Fading,
        State::Turned,
        State::Flaring,
        State::Dipping,
        State::Variable,
        State::Steady,
    ];

    /// Its name in records, headers and tables.
    pub fn name(self) -> &'static str {
        match self {
            State::Candidate => "candidate",
            State::New => "new",
            State::Reappeared => "reappeared",
            State::Rising => "rising",
            State::Fading => "fading",
            State::Turned => "turned",
            State::Flaring => "flaring",
            State::Dipping => "dipping",
            State::Variable => "variable",
            State::Steady => "steady",
        }
    }
}

/// The states that hold at once at one timescale, each with its Z.
///
/// Two are equal when they hold the same states with Z of the same bits.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct States(Vec<(State, f64)>);

impl States {
    /// Adds a state with its significance in σ.
    pub fn add(&mut self, state: State, z: f64) {
        debug_assert!(self.0.last().is_none_or(|(last, _)| *last < state), "states are added in order");
        self.0.push((state, z));
    }

    /// The Z of a state that holds.
    pub fn z(&self, state: State) -> Option<f64> {
        self.0.iter().find(|(held, _)| *held == state).map(|(_, z)| *z)
    }

    /// Every state that holds with its Z, in order of [`State::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = (State, f64)> + '_ {
        self.0.iter().copied()
    }

    /// Whether none holds.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Features of one series within one window. Fluxes in nJy, times in days; `None` where not defined.
///
/// `n`, `weighted_mean`, … are over visits; `rate` and `linear_fit_*` over slot averages. Named as in `light-curve-feature`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeriesFeatures {
    /// Filter.
    pub band: Band,
    /// The reference image that these fluxes share.
    pub reference: u32,
    /// Good visits with a flux in the window.
    pub n: u32,
    /// Inverse-variance weighted mean difference flux.
    pub weighted_mean: f64,
    /// Its error.
    pub weighted_mean_err: f64,
    /// χ² about the weighted mean, `n − 1` degrees of freedom.
    pub chi2: f64,
    /// Scatter in excess of the errors: `√(max(0, χ² − (n−1))·n / ((n−1)·Σw))`; needs n ≥ 2.
    pub excess_scatter: Option<f64>,
    /// Weighted slope, nJy/day; needs two slots.
    pub linear_fit_slope: Option<f64>,
    /// Its error.
    pub linear_fit_slope_sigma: Option<f64>,
    /// χ²/ν of the line; needs three slots.
    pub linear_fit_reduced_chi2: Option<f64>,
    /// Greatest minus least flux.
    pub amplitude: f64,
    /// Over the two errors in quadrature; 0 for a single visit.
    pub amplitude_z: f64,
    /// Rate between the two newest slots, nJy/day.
    pub rate: Option<f64>,
    /// Its error `√(σ₁² + σ₂²)/Δt`.
    pub rate_sigma: Option<f64>,
    /// Lower bound on the rate since the last deeper non-detection, nJy/day.
    pub rise_limit: Option<f64>,
    /// Its significance.
    pub rise_limit_z: Option<f64>,
    /// Z of the trend of this series, signed.
    pub trend_z: Option<f64>,
}

/// Colour at the latest pair of visits of two bands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Colour {
    /// Bluer and redder.
    pub bands: (Band, Band),
    /// Magnitude in the bluer minus magnitude in the redder band (total flux where both have it, else difference flux).
    pub colour: f64,
    /// Its error, magnitudes.
    pub colour_err: f64,
    /// Change per day since the previous such pair in the window.
    pub change: Option<f64>,
}

/// One timescale of an object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Window {
    /// What holds.
    pub states: States,
    /// Two bands' trends contradict each other.
    pub bands_disagree: bool,
    /// The instant (MJD TAI) at which these states are no longer alive; `i64::MAX` for all of history.
    pub valid_until: MicroDays,
    /// Whether the sky clock is still before that.
    pub alive: bool,
    /// By series.
    pub series: Vec<SeriesFeatures>,
    /// By pair of bands.
    pub colours: Vec<Colour>,
}

/// The visit before the first detection that saw nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NonDetection {
    /// When.
    pub time: MicroDays,
    /// Five times its error, or its limiting flux.
    pub depth: PicoJansky,
    /// In which band.
    pub band: Band,
}

/// The newest good visit of a band.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latest {
    /// Filter.
    pub band: Band,
    /// When.
    pub time: MicroDays,
    /// Source or forced.
    pub kind: Kind,
    /// Difference flux.
    pub flux: PicoJansky,
    /// Its error as quoted.
    pub sigma: PicoJansky,
    /// Total flux where defined.
    pub total: Option<PicoJansky>,
}

/// The standing trigger of greatest (time, id), with its context columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trigger {
    /// Which source.
    pub source: SourceId,
    /// When.
    pub time: MicroDays,
    /// What came with it.
    pub context: Context,
}

/// All that is known of an object at an epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// Of which object.
    pub object: ObjectId,
    /// Where its standing source of least (time, id) lies.
    pub position: Position,
    /// Newest good source; `None` when there is none (then no state holds).
    pub newest: Option<MicroDays>,
    /// Oldest good source.
    pub oldest: Option<MicroDays>,
    /// Good sources (visits, not rows).
    pub detections: u32,
    /// First detection, the survey's own record of it included.
    pub first_detection: Option<MicroDays>,
    /// The last visit before the first detection that saw nothing; `None` is "never observed".
    pub before_first: Option<NonDetection>,
    /// The standing trigger.
    pub trigger: Option<Trigger>,
    /// Newest good visit of each band.
    pub latest: Vec<Latest>,
    /// One for each timescale, in the order of the settings.
    pub windows: Vec<Window>,
}

impl Answer {
    /// Whether any state is alive at any timescale: whether the object is in the relation.
    pub fn is_present(&self) -> bool {
        self.windows.iter().any(|window| window.alive && !window.states.is_empty())
    }
}
