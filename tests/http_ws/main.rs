//! WebSockets: on simulated networks, between our own two sides, and before others'.

#[cfg(feature = "testing")]
mod simulated;
