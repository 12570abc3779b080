//! Servers and connections in the making, and their end.

use super::*;
use crate::{
    Protocol, StreamReader, StreamWriter, Transport, open_connection, spawn, start_server,
};

/// A server whose handlers end at once, for whoever connects.
async fn server() -> crate::Server {
    start_server(|_, _| async {}, ("127.0.0.1", 0)).await.unwrap()
}

async fn give_back(server: crate::Server) {
    server.close();
    server.wait_closed().await;
    while server.connections() > 0 {
        yield_now().await;
    }
    drop(server);
    nothing_is_left().await;
}

struct Quiet;

impl Protocol for Quiet {
    fn connection_made(&mut self, _: &Transport) {}
    fn data_received(&mut self, _: &Transport, _: &[u8]) {}
}

#[test]
fn a_connection_that_is_cut_in_the_making_leaves_nothing_behind() {
    on_streams(|cut| async move {
        let server = server().await;
        let address = server.sockets()[0].local_addr();
        drop(cut.dropping(open_connection(address)).await);
        let event_loop = get_running_loop().unwrap();
        let made = cut.dropping(event_loop.create_connection(|| Quiet, address)).await;
        if let Some(made) = made {
            made.unwrap().abort();
        }
        // The port still answers.
        drop(open_connection(address).await.unwrap());
        give_back(server).await;
    });
}

#[test]
fn a_server_that_is_cut_in_the_making_does_not_listen() {
    on_streams(|cut| async move {
        let made = cut.dropping(async {
            yield_now().await;
            start_server(|_, _| async {}, ("127.0.0.1", 0)).await.unwrap()
        });
        if let Some(server) = made.await {
            give_back(server).await;
        }
        nothing_is_left().await;
    });
}

#[test]
fn a_server_outlives_a_cut_wait_for_its_end_and_still_ends() {
    on_streams(|cut| async move {
        let listens = |mut reader: StreamReader, _writer: StreamWriter| async move {
            drop(reader.read_to_end().await);
        };
        let server = start_server(listens, ("127.0.0.1", 0)).await.unwrap();
        let address = server.sockets()[0].local_addr();
        let (reader, writer) = open_connection(address).await.unwrap();
        while server.connections() == 0 {
            yield_now().await;
        }
        let leaves = spawn(async move {
            for _ in 0..3 {
                yield_now().await;
            }
            drop((reader, writer));
        });
        server.close();
        cut.dropping(server.wait_closed()).await;
        leaves.await.unwrap();
        give_back(server).await;
    });
}

#[test]
fn serving_for_ever_ends_where_it_is_cut_and_the_server_closes_in_order() {
    on_streams(|cut| async move {
        let server = server().await;
        let address = server.sockets()[0].local_addr();
        let event_loop = get_running_loop().unwrap();
        let stops = spawn(async move {
            drop(open_connection(address).await);
        });
        let served = cut.dropping(crate::timeout(SECOND / 100, server.serve_forever()));
        drop(served.await);
        assert!(event_loop.is_running());
        stops.await.unwrap();
        give_back(server).await;
    });
}
