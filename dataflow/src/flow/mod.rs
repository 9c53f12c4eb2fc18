//! The graph: what runs on timely, one operator a file.
//!
//! | file | from | to |
//! |---|---|---|
//! | `feed` | the mint | shares of packets, bindings |
//! | `read` | shares | offers, readings |
//! | `clock` | readings, bindings | clocks, judged epochs |
//! | (`skydiff-operators`) | offers, clocks | changes, sealed |
//! | `tell` | sealed changes | records |
//! | `commit` | all that an epoch came to | the ledger |

pub mod clock;
pub mod commit;
pub mod feed;
pub mod read;
pub mod tell;
