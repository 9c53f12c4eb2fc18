//! What a reader wants of a packet, and what it gets.
