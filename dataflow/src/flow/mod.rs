//! The graph: what runs on timely, one operator a file.
//!
//! | file | from | to |
//! |---|---|---|
//! | `feed` | the mint | shares of packets, bindings |
//! | `read` | shares | offers, readings |
//! | `clock` | readings, bindings | clocks, judged epochs |
//! | (`skydiff-operators`) | offers, clocks | changes, sealed |
//! | `tell` | sealed changes | records |
//! | `group` | judged epochs | where a group of them ends |
//! | `file` | packets, copies, changes, records, rejects | a group's files in the archive |
//! | `bind` | files, judged epochs | manifests: what is durable |
//! | `enclose` | records, packets | records with the packets that caused them, where they are redistributed |
//! | `publish` | records, what is durable | lanes: Kafka |
//! | `commit` | all that an epoch came to, once it is durable | the ledger |

pub mod bind;
pub mod clock;
pub mod commit;
pub mod enclose;
pub mod feed;
pub mod file;
pub mod group;
pub mod publish;
pub mod read;
pub mod restate;
pub mod tell;
