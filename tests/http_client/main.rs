//! The HTTP client: against our own server, against Python's, and against servers that misbehave.

#[path = "../support/peer.rs"]
mod peer;

#[cfg(feature = "compression")]
mod compression;
mod duplex;
mod forms;
mod middlewares;
mod misbehaviour;
mod ours;
mod passwords;
mod peers;
mod pooling;
mod redirects;
mod requests;
mod support;
mod traces;
mod ways;

/// Longer than anything takes here: a test that hangs fails instead.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(20);
