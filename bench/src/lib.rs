//! What every contestant shares: one command line, one listener, one set of workloads, one line of JSON.
//!
//! A contestant is a binary that fills in a [`Peer`] and calls [`Peer::main`]; it then answers
//!
//! ```text
//! echo PORT [protocol|streams]     serve until SIGTERM
//! http PORT                        serve until SIGTERM
//! micro CASE                       print one line of JSON
//! ```
//!
//! Anything else, a style the contestant has not, or an unknown case ends with status 2.

pub mod cells;
pub mod micro;
pub mod sys;

use std::{io, process::ExitCode};

/// How an echo server is written: callbacks on one side, coroutines on the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// The loop calls the program when bytes have come.
    Protocol,
    /// The program awaits the bytes.
    Streams,
}

/// Serves on 127.0.0.1 at the port given; returns only when that failed.
pub type Serve = fn(u16) -> io::Result<()>;

/// What one contestant can do. A missing part answers with status 2, so that a driver can pass over it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Peer {
    /// The echo server in callbacks.
    pub echo_protocol: Option<Serve>,
    /// The echo server in coroutines.
    pub echo_streams: Option<Serve>,
    /// The HTTP server.
    pub http: Option<Serve>,
    /// The micro-benchmarks, usually [`micro::run`] of the contestant's [`micro::Executor`]; false for an unknown case.
    pub micro: Option<fn(&str) -> bool>,
}

impl Peer {
    /// Does what the command line asks.
    pub fn main(self) -> ExitCode {
        sys::raise_descriptor_limit();
        let words: Vec<String> = std::env::args().skip(1).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match self.answer(&words) {
            Some(Ok(())) => ExitCode::SUCCESS,
            Some(Err(error)) => {
                eprintln!("{error}");
                ExitCode::FAILURE
            }
            None => {
                eprintln!(
                    "usage: echo PORT [protocol|streams] | http PORT | micro CASE; asked for {words:?} of {self:?}"
                );
                ExitCode::from(2)
            }
        }
    }

    fn answer(self, words: &[&str]) -> Option<io::Result<()>> {
        match *words {
            ["echo", port] => Some(self.echo_protocol.or(self.echo_streams)?(port.parse().ok()?)),
            ["echo", port, "protocol"] => Some(self.echo_protocol?(port.parse().ok()?)),
            ["echo", port, "streams"] => Some(self.echo_streams?(port.parse().ok()?)),
            ["http", port] => Some(self.http?(port.parse().ok()?)),
            ["micro", case] => self.micro?(case).then_some(Ok(())),
            _ => None,
        }
    }
}

/// xorshift64 with the shifts 13, 7, 17: the same stream of numbers for every contestant, in every language.
#[derive(Debug)]
pub struct Rng(u64);

impl Default for Rng {
    fn default() -> Rng {
        Rng(88_172_645_463_325_252)
    }
}

impl Rng {
    /// The next number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// What `GET {path}` is answered with by every HTTP contestant: `/` greets, `/{id}` says its id, anything deeper is not found.
pub fn page(path: &str) -> Option<std::borrow::Cow<'static, str>> {
    match path.strip_prefix('/')? {
        "" => Some("Hello, World!".into()),
        id if !id.contains('/') => Some(format!("id={id}").into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Peer, Rng, page};

    #[test]
    fn the_random_numbers_are_those_of_xorshift64_with_13_7_17() {
        // Worked by hand from Marsaglia's recipe in another language.
        let mut rng = Rng::default();
        let got: Vec<u64> = (0..3).map(|_| rng.below(u64::MAX)).collect();
        assert_eq!(
            got,
            [8_748_534_153_485_358_512, 3_040_900_993_826_735_515, 3_453_997_556_048_239_312]
        );
    }

    #[test]
    fn the_pages_are_a_greeting_an_id_and_nothing_deeper() {
        assert_eq!(page("/").unwrap(), "Hello, World!");
        assert_eq!(page("/42").unwrap(), "id=42");
        assert_eq!(page("/a/b"), None);
        assert_eq!(page("x"), None);
    }

    #[test]
    fn what_a_contestant_has_not_is_refused() {
        let peer = Peer { micro: Some(|case| case == "a"), ..Peer::default() };
        assert!(peer.answer(&["micro", "a"]).is_some());
        assert!(peer.answer(&["micro", "nonsense"]).is_none());
        assert!(peer.answer(&["echo", "1"]).is_none());
        assert!(peer.answer(&["http", "1"]).is_none());
        assert!(peer.answer(&[]).is_none());
    }
}
