//! Comparisons with a threshold that admit when rounding could turn them round.

/// How near a float may come to its threshold before either verdict is right.
const NEAR: f64 = 1e-9;

/// Remembers whether any comparison was too close to call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Judge {
    pub doubtful: bool,
}

impl Judge {
    pub fn at_least(&mut self, value: f64, threshold: f64) -> bool {
        self.doubtful |= (value - threshold).abs() <= NEAR * threshold.abs().max(value.abs()).max(1.0);
        value >= threshold
    }

    pub fn at_most(&mut self, value: f64, threshold: f64) -> bool {
        self.at_least(-value, -threshold)
    }

    pub fn below(&mut self, value: f64, threshold: f64) -> bool {
        !self.at_least(value, threshold)
    }

    pub fn above(&mut self, value: f64, threshold: f64) -> bool {
        !self.at_most(value, threshold)
    }
}
