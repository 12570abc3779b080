//! TLS: between evloop's own two ends, with other people's programs at the other end, and in a
//! simulated kernel.
//!
//! The certificates are made on the spot by openssl(1); where that is not installed every test says
//! so and passes.

mod certificates;
mod closing;
mod dialogues;
mod errors;
mod flow;
#[cfg(feature = "http")]
mod http;
#[path = "../support/installed.rs"]
mod installed;
mod peers;
#[cfg(feature = "testing")]
mod simulated;
mod started;
mod support;
