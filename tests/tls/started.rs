//! TLS on a connection that was plain before.

use std::io::{self, ErrorKind};

use evloop::{
    Protocol, StreamReader, StreamWriter, Transport, get_running_loop, open_connection,
    start_server,
};

use crate::certificates::Certificates;
use crate::support::{connect, on_loop};

/// Says `ready`, and echoes one line in TLS.
async fn upgrades(mut reader: StreamReader, mut writer: StreamWriter) -> io::Result<()> {
    let made = Certificates::get().expect("the test has some");
    assert_eq!(reader.readline().await?, b"STARTTLS\n");
    writer.write(b"ready\n")?;
    assert!(writer.tls_info().is_none());
    writer.start_tls(&made.server()).await?;
    assert!(writer.tls_info().is_some());
    let line = reader.readline().await?;
    writer.write(&line)
}

#[test]
fn a_stream_goes_on_in_tls() {
    on_loop(|made| async move {
        let server = start_server(upgrades, ("127.0.0.1", 0)).await.unwrap();
        let address = server.sockets()[0].local_addr();
        let (mut reader, mut writer) = open_connection(address).await.unwrap();
        writer.write(b"STARTTLS\n").unwrap();
        assert_eq!(reader.readline().await.unwrap(), b"ready\n");
        let (before, fd) = (writer.transport().clone(), fd_of(writer.transport()));
        writer.start_tls(made.client().to("localhost")).await.unwrap();
        // The same transport under every name, on the same descriptor.
        before.write(b"in ").unwrap();
        writer.write(b"tls\n").unwrap();
        assert_eq!(reader.readline().await.unwrap(), b"in tls\n");
        assert_eq!(reader.read_to_end().await.unwrap(), b"");
        assert_eq!(fd_of(&before), fd);
        assert_eq!(server.connections(), 1);
        writer.close();
        writer.wait_closed().await.unwrap();
        server.close();
        server.wait_closed().await;
    });
}

fn fd_of(transport: &Transport) -> i32 {
    use std::os::fd::AsRawFd;
    transport.as_raw_fd()
}

#[test]
fn what_came_with_the_last_plain_text_is_taken_for_the_handshake_and_not_for_plaintext() {
    on_loop(|made| async move {
        let server = start_server(upgrades_quietly, ("127.0.0.1", 0)).await.unwrap();
        let address = server.sockets()[0].local_addr();
        // An injected command behind STARTTLS: it must not be heard as if it came through TLS.
        let (mut reader, mut writer) = open_connection(address).await.unwrap();
        writer.write(b"STARTTLS\nDELETE ALL\n").unwrap();
        assert_eq!(reader.readline().await.unwrap(), b"ready\n");
        let refused = writer.start_tls(made.client().to("localhost")).await;
        assert!(refused.is_err());
        server.close();
        server.wait_closed().await;
    });
}

async fn upgrades_quietly(reader: StreamReader, writer: StreamWriter) {
    let error = upgrades(reader, writer).await.unwrap_err();
    assert!(error.to_string().contains("\"DELETE A\", which is no TLS"), "{error}");
}

#[test]
fn while_the_handshake_is_under_way_nothing_can_be_written_beside_it() {
    on_loop(|made| async move {
        let silent = |mut reader: StreamReader, writer: StreamWriter| async move {
            reader.read(1).await?;
            reader.read_to_end().await?;
            drop(writer);
            Ok::<_, io::Error>(())
        };
        let server = start_server(silent, ("127.0.0.1", 0)).await.unwrap();
        let address = server.sockets()[0].local_addr();
        let (_reader, mut writer) = open_connection(address).await.unwrap();
        let transport = writer.transport().clone();
        let start = evloop::spawn(async move {
            writer.start_tls(made.client().to("localhost")).await.map(|()| writer)
        });
        evloop::yield_now().await;
        evloop::yield_now().await;
        let error = transport.write(b"plain").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains("start_tls()"), "{error}");
        // Dropped while it waits, it aborts.
        assert!(start.cancel());
        evloop::yield_now().await;
        evloop::yield_now().await;
        assert!(transport.is_closing());
        server.close();
        server.wait_closed().await;
    });
}

#[test]
fn a_connection_that_is_closing_or_sends_its_end_cannot_start_tls() {
    on_loop(|made| async move {
        let server = start_server(|_, _| async {}, ("127.0.0.1", 0)).await.unwrap();
        let address = server.sockets()[0].local_addr();
        let (_reader, mut writer) = open_connection(address).await.unwrap();
        writer.write_eof();
        let event_loop = get_running_loop().unwrap();
        let side = made.client().to("localhost");
        let error = event_loop.start_tls(writer.transport(), side).await.unwrap_err();
        assert!(error.to_string().contains("open in both directions"), "{error}");
        writer.close();
        assert!(writer.start_tls(made.client().to("localhost")).await.is_err());
    });
}

#[test]
fn a_name_that_is_none_changes_nothing_on_a_stream() {
    on_loop(|made| async move {
        let server = start_server(crate::support::echo, ("127.0.0.1", 0)).await.unwrap();
        let address = server.sockets()[0].local_addr();
        let (mut reader, mut writer) = open_connection(address).await.unwrap();
        writer.write(b"two").unwrap();
        assert_eq!(reader.readexactly(1).await.unwrap(), b"t");
        let error = writer.start_tls(made.client().to("not a name")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert_eq!(reader.readexactly(2).await.unwrap(), b"wo");
    });
}

#[test]
fn a_protocol_goes_on_in_tls_from_within_its_own_call() {
    /// At `go` it starts TLS, as a server; what comes then it echoes.
    struct Starts(&'static Certificates);
    impl Protocol for Starts {
        fn data_received(&mut self, transport: &Transport, data: &[u8]) {
            if transport.tls_info().is_some() {
                return transport.write(data).unwrap();
            }
            let rest = data.strip_prefix(b"go\n").expect("that is said first").to_vec();
            let event_loop = get_running_loop().unwrap();
            let start = event_loop.start_tls(transport, self.0.server()).received(rest);
            drop(evloop::spawn(start.into_future()));
        }
    }
    on_loop(|made| async move {
        let event_loop = get_running_loop().unwrap();
        let server =
            event_loop.create_server(move || Starts(made), ("127.0.0.1", 0)).await.unwrap();
        let address = server.sockets()[0].local_addr();
        let (mut reader, mut writer) = open_connection(address).await.unwrap();
        writer.write(b"go\n").unwrap();
        writer.start_tls(made.client().to("localhost")).await.unwrap();
        writer.write(b"echo").unwrap();
        assert_eq!(reader.readexactly(4).await.unwrap(), b"echo");
    });
}

#[test]
fn tls_goes_within_tls() {
    on_loop(|made| async move {
        let server = start_server(twice, ("127.0.0.1", 0)).tls(made.server()).await.unwrap();
        let address = server.sockets()[0].local_addr();
        let (mut reader, mut writer) = connect(address, made.client()).await.unwrap();
        writer.write(b"again\n").unwrap();
        assert_eq!(reader.readline().await.unwrap(), b"ready\n");
        writer.start_tls(made.client().alpn(["inner"]).to("localhost")).await.unwrap();
        assert_eq!(writer.tls_info().unwrap().alpn(), Some(&b"inner"[..]));
        let sent = vec![b'i'; 400_000];
        writer.write(&sent).unwrap();
        assert!(reader.readexactly(sent.len()).await.unwrap() == sent);
        writer.close();
        writer.wait_closed().await.unwrap();
        server.close();
        server.wait_closed().await;
    });
}

async fn twice(mut reader: StreamReader, mut writer: StreamWriter) -> io::Result<()> {
    let made = Certificates::get().expect("the test has some");
    assert_eq!(reader.readline().await?, b"again\n");
    writer.write(b"ready\n")?;
    writer.start_tls(&made.server().alpn(["inner"])).await?;
    crate::support::echo(reader, writer).await
}
