//! Answers that go out compressed: [`Response::compress`] for one, [`Compress`] for all.
//!
//! ```text
//! · choice.rs   whether, and how: no I/O      middleware.rs   every answer of an application
//!   apply.rs    what becomes of the head      stream.rs       what becomes of a body
//! ```
//!
//! | the response | its body becomes |
//! |---|---|
//! | bytes, or part of a file, of at most 64 KiB | compressed bytes, whose length is said |
//! | more of either | a stream that compresses 64 KiB, sends them, and lets others go on |
//! | a stream | a stream in which what is written can be read at once: events do not wait |
//!
//! Nothing is kept of a body but what the compressor has: 300 kB, whatever goes in.
//!
//! # What is left as it is
//!
//! What is encoded already, as a file's compressed sibling; parts (206) and what has no body (204,
//! 304, an answer to HEAD, which only says what GET's would be); what `Cache-Control: no-transform`
//! forbids to change, and what has a digest, which would be another's then.
//!
//! # What changes in the head
//!
//! `Content-Encoding` is added; `Content-Length` is the new one or none; `Accept-Ranges` is gone, for
//! a range would be one of the plain bytes; a strong `ETag` becomes weak (RFC 9110 §8.8.1: a strong
//! one names these very bytes). `Vary: Accept-Encoding` is said also where this client gets it
//! plain, since another might not, and in a 304, since 200 may have had it.
//!
//! # Secrets
//!
//! The length of a compressed page tells what is in it more than once. Where a page holds a secret
//! and also what the request says, somebody who makes a victim's browser ask again and again can
//! guess the one by the other (BREACH, CVE-2013-3587), through TLS too. Do not compress such pages.

mod apply;
mod choice;
mod middleware;
mod stream;

pub use middleware::Compress;
