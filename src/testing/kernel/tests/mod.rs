//! Claims about programs in a simulated world.

mod any_schedule;
mod faults;
#[cfg(feature = "http")]
mod http;
mod limits;
mod network;
mod selecting;
mod threads;

use std::net::SocketAddr;

use super::*;
use crate::testing::{Entry, Outcome, Report, Sim, Step};

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// Where servers listen.
fn server() -> SocketAddr {
    at("10.0.0.2:80")
}

/// Any address and port.
fn anywhere() -> SocketAddr {
    at("0.0.0.0:0")
}

/// What a program gives that ends.
#[track_caller]
fn done<T>(report: Report<T>) -> T {
    assert!(report.violations.is_empty(), "{:?}", report.violations);
    match report.outcome {
        Outcome::Done(value) => value,
        other => panic!("{other:?}"),
    }
}

fn run<F: Future + 'static>(main: impl FnOnce(World) -> F) -> Report<F::Output> {
    Sim::new(Schedule::default()).run(main)
}

fn with_fault(site: Site, nth: u32, fault: Fault) -> Schedule {
    Schedule { faults: [((site, nth), fault)].into(), ..Schedule::default() }
}

/// What the kernel did in a run.
fn acts<T>(report: &Report<T>) -> impl Iterator<Item = &Act> {
    report.timeline.0.iter().filter_map(|Entry { step, .. }| match step {
        Step::Kernel(act) => Some(act),
        _ => None,
    })
}

/// Answers with what it is sent, until the end.
async fn echo(address: SocketAddr) -> crate::Server {
    let handler = |mut reader: crate::StreamReader, mut writer: crate::StreamWriter| async move {
        while let Ok(bytes) = reader.read(1000).await {
            if bytes.is_empty() || writer.write(&bytes).is_err() || writer.drain().await.is_err() {
                break;
            }
        }
        writer.close();
        drop(writer.wait_closed().await);
    };
    crate::start_server(handler, address).await.unwrap()
}

/// Sends `bytes` to an echo and gives what comes back.
async fn round_trip(bytes: &[u8]) -> Vec<u8> {
    let (mut reader, mut writer) = crate::open_connection(server()).await.unwrap();
    writer.write(bytes).unwrap();
    writer.write_eof();
    reader.read_to_end().await.unwrap()
}
