//! The HTTP server before clients that others have written. Each is skipped, loudly, where it is not
//! installed; none outlives its test.

#[cfg(feature = "ws")]
#[path = "../support/browser.rs"]
mod browser_support;
#[path = "../support/peer.rs"]
mod peer;
#[path = "../http_support/serve.rs"]
mod support;

#[cfg(feature = "ws")]
mod browser;
mod clients;
mod guard;
