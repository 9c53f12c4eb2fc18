//! What whoever is on duty can see of a job that runs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// How many connections were refused, by reason. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Strangers(Arc<Mutex<BTreeMap<String, u64>>>);

impl Strangers {
    /// One more.
    pub fn count(&self, reason: &str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(reason.to_owned()).or_default() += 1;
    }

    /// All of them.
    pub fn counts(&self) -> BTreeMap<String, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
