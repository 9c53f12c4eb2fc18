//! The graph: what runs on timely, one operator a file.
//!
//! | file | from | to |
//! |---|---|---|
//! | `feed` | the mint | shares of packets, bindings |
//! | `read` | shares | offers, readings |
//! | `clock` | readings, bindings | clocks, judged epochs |

pub mod clock;
pub mod feed;
pub mod read;
