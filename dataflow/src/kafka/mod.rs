//! Kafka: how clusters are reached, what is read from them live, and what is sent to them exactly once.
//!
//! | file | what it owns |
//! |---|---|
//! | `settings` | what a job file says |
//! | `connect` | clusters: secrets, errors |
//! | `reach` | questions to a cluster, answered in time or not at all |
//! | `positions` | where partitions are read on |
//! | `discover` | which there are, and how far they reach |
//! | `registry` | schemas by id |
//! | `live` | the mint of live packets |
//! | `source` | a cluster whose partitions it reads |
//! | `topics` | those that are written |
//! | `delivery` | what becomes of messages that were sent |
//! | `message` | what is sent, as messages |
//! | `enclosure` | what of a packet goes with the record that it caused |
//! | `progress` | how far lanes are |
//! | `lane` | one transactional producer |
//! | `produce`, `pace` | packets to topics, as a survey sends them |
//! | `tail`, `heard` | topics as a person reads them |
//! | `check` | whether a job's topics can be read and written |
//! | `lag` | how far a job or a group is behind |

pub mod check;
pub mod connect;
pub mod delivery;
mod discover;
pub mod enclosure;
pub mod heard;
pub mod lag;
pub mod lane;
pub mod live;
pub mod message;
pub mod pace;
pub mod positions;
pub mod produce;
pub mod progress;
pub mod reach;
pub mod registry;
pub mod settings;
mod source;
pub mod tail;
pub mod topics;
