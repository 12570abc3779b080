//! The load generator: closed loops over raw epoll with fixed counts, every answer checked, on core 1.
//!
//! ```text
//! echo PORT CONNECTIONS SIZE MESSAGES        each connection keeps one message in flight
//! connect PORT CONNECTIONS SIZE MESSAGES     connect, exchange one message, close; CONNECTIONS at a time
//! http PORT CONNECTIONS DEPTH REQUESTS PATH  each connection keeps DEPTH requests in flight
//! idle PORT CONNECTIONS echo|http            open, exchange once, print a line, hold until standard input ends
//! ```
//!
//! Each prints one line of JSON. With `SERVER_PID` in the environment it says what CPU time that process and all its
//! threads spent on the counted part, from `/proc/PID/task/*/schedstat`: connecting and one exchange each are not counted.
//! With `PACE_MS` all connections speak at once, all answers are awaited, and that many milliseconds pass before the next
//! round: under strace or valgrind, a slow server would otherwise find the next message already there.

mod net;
mod talk;

use evloop_bench::sys;
use std::{
    io::{self, Read},
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};
use talk::{Echo, Http, Talk};

const USAGE: &str = "usage: echo|connect PORT CONNECTIONS SIZE MESSAGES | \
    http PORT CONNECTIONS DEPTH REQUESTS PATH | idle PORT CONNECTIONS echo|http";

/// More than any kernel buffer hands over at once on loopback.
const BUFFER: usize = 256 * 1024;

fn main() -> ExitCode {
    sys::raise_descriptor_limit();
    sys::pin(1);
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match run(&words) {
        Ok(Some(line)) => println!("{line}"),
        Ok(None) => {
            eprintln!("{USAGE}; asked for {words:?}");
            return ExitCode::from(2);
        }
        Err(error) => {
            eprintln!("load {words:?}: {error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// `None` when the words are not a command.
fn run(words: &[&str]) -> io::Result<Option<String>> {
    let number = |at: usize| {
        words.get(at).and_then(|word| word.parse::<u64>().ok()).filter(|number| *number > 0)
    };
    let (Some(port), Some(connections)) = (number(1), number(2)) else { return Ok(None) };
    let (port, connections) = (port as u16, connections as usize);
    Ok(match (words[0], number(3), number(4), words.get(5)) {
        ("echo", Some(size), Some(count), None) => {
            Some(stay(port, connections, Echo::new(size as usize), count)?)
        }
        ("http", Some(depth), Some(count), Some(path)) => {
            Some(stay(port, connections, Http::new(path, depth), count)?)
        }
        ("connect", Some(size), Some(count), None) => {
            Some(come_and_go(port, connections, Echo::new(size as usize), count)?)
        }
        ("idle", None, None, None) => match words.get(3) {
            Some(&"echo") => Some(hold(port, connections, Echo::new(64))?),
            Some(&"http") => Some(hold(port, connections, Http::new("/", 1))?),
            _ => None,
        },
        _ => None,
    })
}

/// What the counted part took.
struct Measured {
    start: Instant,
    server_ns: Option<u64>,
}

impl Measured {
    fn start() -> Measured {
        Measured { server_ns: server_cpu_ns(), start: Instant::now() }
    }

    fn line(self, ops: u64) -> String {
        let wall = self.start.elapsed().as_nanos() as u64;
        let server =
            self.server_ns.zip(server_cpu_ns()).map_or(String::new(), |(before, after)| {
                format!(
                    r#","server_cpu_ns_per_op":{:.1}"#,
                    after.saturating_sub(before) as f64 / ops as f64
                )
            });
        format!(r#"{{"ops":{ops},"ns_per_op":{:.1}{server}}}"#, wall as f64 / ops as f64)
    }
}

fn server_cpu_ns() -> Option<u64> {
    let pid = std::env::var("SERVER_PID").ok()?;
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).ok()?;
    let times =
        tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok());
    Some(times.filter_map(|text| text.split(' ').next()?.parse::<u64>().ok()).sum())
}

/// Connections that stay: one exchange each, then `count` operations over all of them.
fn stay<T: Talk>(port: u16, connections: usize, talk: T, count: u64) -> io::Result<String> {
    let mut crowd = net::Crowd::new(port, talk)?;
    for _ in 0..connections {
        crowd.connect()?;
    }
    let mut buffer = vec![0; BUFFER];
    crowd.exchange(connections as u64 * crowd.per_turn(), &mut buffer)?;
    let pace =
        std::env::var("PACE_MS").ok().and_then(|text| text.parse().ok()).map(Duration::from_millis);
    let measured = Measured::start();
    let Some(pace) = pace else {
        crowd.exchange(count, &mut buffer)?;
        return Ok(measured.line(count));
    };
    let mut left = count;
    while left > 0 {
        thread::sleep(pace);
        let round = left.min(connections as u64 * crowd.per_turn());
        crowd.exchange(round, &mut buffer)?;
        left -= round;
    }
    Ok(measured.line(count))
}

/// Connections for one exchange each.
fn come_and_go<T: Talk>(port: u16, connections: usize, talk: T, count: u64) -> io::Result<String> {
    let mut crowd = net::Crowd::new(port, talk)?;
    let mut buffer = vec![0; BUFFER];
    let measured = Measured::start();
    let mut left = count;
    while left > 0 {
        let batch = left.min(connections as u64);
        for _ in 0..batch {
            crowd.connect()?;
        }
        crowd.exchange(batch, &mut buffer)?;
        crowd.hang_up();
        left -= batch;
    }
    Ok(measured.line(count))
}

/// Holds the connections after one exchange each.
fn hold<T: Talk>(port: u16, connections: usize, talk: T) -> io::Result<String> {
    let mut crowd = net::Crowd::new(port, talk)?;
    for _ in 0..connections {
        crowd.connect()?;
    }
    crowd.exchange(connections as u64 * crowd.per_turn(), &mut vec![0; BUFFER])?;
    println!("holding");
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(format!(r#"{{"held":{connections}}}"#))
}
