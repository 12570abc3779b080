//! Connections over real sockets on the loopback interface, and over sockets that answer in the
//! kernel's place where the kernel cannot be made to: one file a promise.

#[path = "../support/installed.rs"]
mod installed;
#[path = "../support/peer.rs"]
mod peer;

mod buffered;
mod closing;
mod connections;
mod datagrams;
mod failed_sends;
mod fake;
mod flow;
mod half_close;
mod names;
mod peers;
mod pipes;
mod reentrancy;
mod sendfile;
mod servers;
mod sock;
mod streams;
mod support;
mod transports;
mod udp_socket;
mod unix;
mod waiting;
