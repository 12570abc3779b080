//! Transports: connections that call a protocol, and the pure machines they obey.

pub(crate) mod eyeballs;
pub(crate) mod flow;
pub(crate) mod lifecycle;
pub(crate) mod unsent;
