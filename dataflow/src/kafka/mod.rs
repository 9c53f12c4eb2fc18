//! Kafka: how clusters are reached, what is read from them live, and what is sent to them exactly once.
//!
//! | file | what it owns |
//! |---|---|
//! | `settings` | what a job file says |
//! | `positions` | where partitions are read on |
//! | `discover` | which there are, and how far they reach |
//! | `registry` | schemas by id |
//! | `live` | the mint of live packets |
//! | `topics` | those that are written |
//! | `message` | what is sent, as messages |
//! | `progress` | how far lanes are |
//! | `lane` | one transactional producer |
//! | `connect` | clusters: secrets, errors |

pub mod connect;
mod discover;
pub mod lane;
pub mod live;
pub mod message;
pub mod positions;
pub mod progress;
pub mod registry;
pub mod settings;
pub mod topics;
