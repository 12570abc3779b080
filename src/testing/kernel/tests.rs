//! Claims about programs in a simulated world: streams, links, faults, other threads.

use std::net::SocketAddr;

use super::*;
use crate::testing::{Outcome, Report, Sim};

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn server() -> SocketAddr {
    at("10.0.0.2:80")
}

/// What a program gives that ends.
fn done<T>(report: Report<T>) -> T {
    let quoted = |violations: &[crate::testing::Violation]| format!("{violations:?}");
    assert!(report.violations.is_empty(), "{}", quoted(&report.violations));
    match report.outcome {
        Outcome::Done(value) => value,
        other => panic!("{other:?}"),
    }
}

fn run<F: Future + 'static>(main: impl FnOnce(World) -> F) -> Report<F::Output> {
    Sim::new(Schedule::default()).run(main)
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

#[test]
fn an_echo_over_streams_brings_back_what_was_sent() {
    let report = run(|_| async {
        let _server = echo(server()).await;
        let (mut reader, mut writer) = crate::open_connection(server()).await.unwrap();
        writer.write(b"hello").unwrap();
        writer.write_eof();
        reader.read_to_end().await.unwrap()
    });
    assert_eq!(done(report), b"hello");
}
