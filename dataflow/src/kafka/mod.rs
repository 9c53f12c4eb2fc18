//! Kafka: how clusters are reached, what is read from them live, and what is sent to them exactly once.
//!
//! | file | what it owns |
//! |---|---|
//! | `connect` | settings, secrets, errors |
//! | `reach` | questions to a cluster, answered in time or not at all |
//! | `produce`, `pace` | packets to topics, as a survey sends them |
//! | `tail`, `said` | topics as a person reads them |
//! | `lag` | how far a job or a group is behind |

pub mod connect;
pub mod lag;

pub mod pace;
pub mod produce;
pub mod reach;
pub mod said;
pub mod tail;
