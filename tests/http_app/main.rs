//! Applications: routes, what stands around handlers, what they read, and how they live and end.

mod access;
mod ask;

#[cfg(feature = "compression")]
mod compression;
mod errors;
#[cfg(feature = "json")]
mod extract;
mod lifecycle;
mod middlewares;
mod nesting;
mod requests;
mod shutdown;
#[cfg(feature = "testing")]
mod simulated;
mod sites;
mod views;
