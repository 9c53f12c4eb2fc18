//! The Avro layer held to apache-avro, on real packets, on random ones and on damaged ones.

mod cache;
mod container;
mod everything;
mod hostile;
mod mutated;
mod oracle;
mod packets;
mod plan;
mod random;
mod real;
mod schema;
mod writer;
