//! A survey to run skydiff on: a sky, a telescope that looks at it, the packets that it sends, and the truth about them.
//!
//! Everything is a pure function of a seed: an object's light at a time, a visit's weather, the noise of a measurement.
//! Nothing is remembered from night to night, so that a survey of years takes no more memory than one of a night, any night
//! can be made by itself, and a packet's history is what was measured, made again. No I/O here.
//!
//! | module | what it owns |
//! |---|---|
//! | `random` | numbers that are a function of a seed and of what they are for |
//! | `sky` | what there is: classes of objects, where they are, how they shine |
//! | `shot` | what a packet says, before it is written |
//! | `packet` | a shot as each survey writes it, stamps included |

mod packet;
mod random;
mod shot;

pub use packet::{Format, Writer};
pub use random::Random;
pub use shot::{Neighbour, Place, Reference, Seen, Shot, SolarSystem, Target, Visit};
