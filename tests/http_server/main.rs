//! The HTTP server over real sockets: what a client can rely on.

#[path = "../http_support/chunks.rs"]
mod chunks;
#[path = "../http_support/mod.rs"]
mod support;

mod answers;
mod black_box;
mod bodies;
mod connections;
mod ending;
mod patience;
mod pressure;
mod streams;
mod upgrades;
