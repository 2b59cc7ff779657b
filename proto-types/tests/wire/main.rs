//! The wire: golden bytes of every frame, round trips, hostile input, and the fuzzers' corpus.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by a panic"
)]

mod arbitrary;
mod corpus;
mod diagnostic;
mod hostile;
mod samples;
mod vectors;

/// The check of the fuzz targets.
#[path = "../../../tests/fuzz/src/lib.rs"]
#[allow(unreachable_pub, reason = "there it is a crate")]
mod fuzz;
