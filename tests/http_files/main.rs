//! Files over HTTP: what is served, in which parts, and that nothing else is.

#[path = "../http_support/mod.rs"]
mod support;

mod containment;
mod cookies;
mod curl;
mod responses;
mod statics;
mod tree;
