//! WebSockets: on simulated networks, between our own two sides, and before others'.

#[path = "../support/peer.rs"]
mod peer;
#[path = "../http_support/serve.rs"]
mod support;

mod conformance;
mod peers;
#[cfg(feature = "testing")]
mod pressure;
mod served;
#[cfg(feature = "testing")]
mod simulated;
