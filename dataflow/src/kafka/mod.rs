//! Kafka: how clusters are reached, what is read from them live, and what is sent to them exactly once.
//!
//! | file | what it owns |
//! |---|---|
//! | `connect` | settings, secrets, errors |

pub mod connect;
