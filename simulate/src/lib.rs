//! A survey to run skydiff on: a sky, a telescope that looks at it, the packets that it sends, and the truth about them.
//!
//! Everything is a pure function of a seed: an object's light at a time, a visit's weather, the noise of a measurement.
//! Nothing is remembered from night to night but what the survey itself would remember, so that a survey of years takes no
//! more memory than one of a night, and a packet's history is what was measured, made again. No I/O here.
//!
//! | module | what it owns |
//! |---|---|
//! | `settings` | what is asked of a simulation |
//! | `random` | numbers that are a function of a seed and of what they are for |
//! | `sky` | what there is: classes of objects, where they are, how they shine |
//! | `survey` | the telescope: where it points, when, how deep it sees |
//! | `thing`, `patches` | objects as the survey meets them; its fields |
//! | `observe` | what a visit makes of an object |
//! | `shot` | what a packet says, before it is written |
//! | `packet` | a shot as each survey writes it, stamps included |
//! | `simulation`, `spoil` | night after night, packets in the order in which they come, some of them late or spoiled |
//! | `truth` | what was sent, for those who hold an answer to it |

mod observe;
mod packet;
mod patches;
mod random;
mod settings;
mod shot;
mod simulation;
pub mod sky;
mod spoil;
mod survey;
mod thing;
mod truth;

pub use packet::{Format, Writer};
pub use random::Random;
pub use settings::{Noise, Settings, Survey, Trouble};
pub use shot::{Neighbour, Place, Reference, Seen, Shot, SolarSystem, Target, Visit};
pub use simulation::Simulation;
pub use truth::{Ledger, Object, Point, Told, What};
