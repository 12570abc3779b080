//! WebSockets: on simulated networks, between our own two sides, and before others'.

#[path = "../support/peer.rs"]
mod peer;

mod peers;
#[cfg(feature = "testing")]
mod simulated;
