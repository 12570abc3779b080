//! Transports: connections that call a protocol, and the pure machines they obey.

pub(crate) mod lifecycle;
