//! WebSockets: on simulated networks, between our own two sides, and before others'.

#[path = "../support/browser.rs"]
mod browser_support;
#[path = "../support/peer.rs"]
mod peer;
#[path = "../http_support/mod.rs"]
mod support;

mod browser;
mod peers;
mod served;
#[cfg(feature = "testing")]
mod simulated;
