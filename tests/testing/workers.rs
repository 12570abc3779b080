//! A worker's main future, which never notices that it has no process of its own here.

use evloop::testing::{Schedule, check, cut_each_await, schedule};
use evloop::{StreamReader, StreamWriter, Worker, open_connection, spawn, start_server};
use proptest::prelude::*;

const ADDRESS: ([u8; 4], u16) = ([127, 0, 0, 1], 7);

async fn echo(mut reader: StreamReader, mut writer: StreamWriter) -> std::io::Result<()> {
    let line = reader.readline().await?;
    writer.write(&line)?;
    writer.drain().await
}

/// A request is begun, the worker is drained, and the request is ended.
async fn drained_under_way() -> Vec<u8> {
    let worker = Worker::alone().unwrap();
    let address = std::net::SocketAddr::from(ADDRESS);
    let server = start_server(echo, address).start_serving(false).await.unwrap();
    let (serving, served) = (worker.clone(), server.clone());
    let task = spawn(async move { serving.serve(&served).await });
    evloop::yield_now().await;
    let (mut reader, mut writer) = open_connection(address).await.unwrap();
    while server.connections() == 0 {
        evloop::sleep(std::time::Duration::from_millis(1)).await;
    }
    worker.drain();
    evloop::yield_now().await;
    writer.write(b"hello\n").unwrap();
    let answer = reader.readline().await.unwrap();
    drop((reader, writer));
    task.await.unwrap().unwrap();
    assert!(!server.is_serving());
    answer
}

proptest! {
    #[test]
    fn a_request_that_is_under_way_is_answered_by_a_worker_that_drains(schedule in schedule()) {
        prop_assert_eq!(check(schedule, |_| drained_under_way())?, b"hello\n");
    }
}

#[test]
fn a_wait_for_the_drain_that_is_ended_loses_nothing() {
    let proved = cut_each_await(&Schedule::default(), |_world, cut| async move {
        let worker = Worker::alone().unwrap();
        let (drains, asks) = (worker.clone(), worker.clone());
        let asking = spawn(async move { asks.drain() });
        cut.dropping(async move { drains.draining().await }).await;
        asking.await.unwrap();
        worker.draining().await;
        assert!(worker.is_draining());
    });
    assert!(proved.unwrap().awaits > 0);
}

#[test]
fn a_serve_that_is_ended_has_stopped_accepting() {
    let proved = cut_each_await(&Schedule::default(), |_world, cut| async move {
        let worker = Worker::alone().unwrap();
        let address = std::net::SocketAddr::from(ADDRESS);
        let server = start_server(echo, address).start_serving(false).await.unwrap();
        let (serving, served, asks) = (worker.clone(), server.clone(), worker.clone());
        let asking = spawn(async move { asks.drain() });
        drop(cut.dropping(async move { serving.serve(&served).await }).await);
        asking.await.unwrap();
        server.wait_closed().await;
        assert!(!server.is_serving());
    });
    assert!(proved.unwrap().awaits > 0);
}
