//! Files over HTTP: what is served, in which parts, and that nothing else is; cookies and forms.

#[path = "../http_support/chunks.rs"]
mod chunks;
#[path = "../http_support/mod.rs"]
mod support;

mod changing;
mod containment;
mod cookies;
mod curl;
mod forms;
mod responses;
mod statics;
mod tree;
