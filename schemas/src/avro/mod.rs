//! Avro packets, walked by compiled plans.
