//! Avro packets, walked by compiled plans.
//!
//! A [`Selection`] says by names what a reader wants, whatever the writer schema; a [`Plan`] (writer schema ×
//! selection) walks packets of that schema and yields [`Captured`] values in place.

mod cache;
mod capture;
mod compile;
mod confluent;
mod container;
mod inflate;
mod json;
mod offset;
mod parse;
mod part;

mod plan;
mod run;
mod schema;
mod segment;
mod selection;
mod shape;
mod skip;
mod template;
mod value;
mod wire;
mod wish;

pub use cache::PlanCache;
pub use capture::{Captured, Scratch, Values};
pub use confluent::confluent;
pub use container::{Body, Extent, Header, MAGIC, container_extent, container_len};
pub use inflate::{Codec, Inflate, MAX_BLOCK_BYTES};
pub use json::{BytesAs, Json, base64};
pub use part::Part;
pub use plan::Plan;
pub use schema::{Kind, MAX_SCHEMA_BYTES, Schema};
pub use selection::{ArrayId, Need, Selection, Slot, Wanted};
pub use value::Value;
