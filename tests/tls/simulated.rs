//! The simulated kernel at both ends: every cut of the bytes, resets, time, and every await ended
//! once.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use evloop::testing::{
    Link, Outcome, PeerOp, Schedule, ScheduleParams, Sim, Verdict, World, check, cut_each_await,
    schedule, schedule_with,
};
use evloop::{StreamReader, StreamWriter, get_running_loop, open_connection, spawn, start_server};
use proptest::prelude::*;

use crate::certificates::Certificates;

const PORT: (&str, u16) = ("10.0.0.1", 443);

/// Sends everything back, and then ends. What goes wrong is the other end's to notice.
async fn back(mut reader: StreamReader, mut writer: StreamWriter) {
    while let Ok(data) = reader.read(1 << 16).await {
        if data.is_empty() || writer.write(&data).is_err() || writer.drain().await.is_err() {
            return;
        }
    }
}

fn narrow(world: &World, buffer: usize) {
    let anywhere = ([0, 0, 0, 0], 0).into();
    let latency = Duration::from_millis(1)..Duration::from_millis(20);
    world.link(
        anywhere,
        anywhere,
        Link { latency, ..Link::default() }.with_buffers(buffer, buffer),
    );
}

/// Sends these pieces through TLS and back; gives what came.
async fn round_trip(
    made: &'static Certificates,
    world: World,
    buffer: usize,
    pieces: Vec<Vec<u8>>,
) -> io::Result<Vec<u8>> {
    narrow(&world, buffer);
    let server = start_server(back, PORT).tls(made.server()).await?;
    let (mut reader, mut writer) = open_connection(PORT).tls(made.client(), "localhost").await?;
    let expected = pieces.iter().map(Vec::len).sum();
    let write = spawn(async move {
        for piece in pieces {
            writer.write(&piece)?;
            writer.drain().await?;
        }
        Ok::<_, io::Error>(writer)
    });
    let came = reader.readexactly(expected).await?;
    let mut writer = write.await.expect("it is not cancelled")?;
    writer.close();
    writer.wait_closed().await?;
    server.close();
    server.wait_closed().await;
    Ok(came)
}

fn pieces() -> impl Strategy<Value = Vec<Vec<u8>>> {
    prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40_000), 0..4)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn however_the_bytes_are_cut_the_same_plaintext_comes(
        pieces in pieces(),
        buffer in 100usize..100_000,
        schedule in schedule(),
    ) {
        let Some(made) = Certificates::get() else { return Ok(()) };
        let sent = pieces.concat();
        let came = check(schedule, move |world| round_trip(made, world, buffer, pieces))?;
        prop_assert!(came? == sent);
    }

    #[test]
    fn whatever_breaks_no_other_plaintext_comes_and_nothing_is_left(
        pieces in pieces(),
        buffer in 100usize..100_000,
        reset_after in 0u64..200,
        schedule in schedule_with(ScheduleParams::chaos()),
    ) {
        let Some(made) = Certificates::get() else { return Ok(()) };
        let sent = pieces.concat();
        let report = Sim::new(schedule).run(move |world| {
            let cut = world.clone();
            world.after(Duration::from_millis(reset_after), move |_| {
                let anywhere = ([0, 0, 0, 0], 0).into();
                cut.reset(anywhere, anywhere);
            });
            async move { round_trip(made, world, buffer, pieces).await }
        });
        prop_assert!(report.verdict() == Verdict::Pass, "{report}");
        if let Outcome::Done(Ok(came)) = &report.outcome {
            prop_assert!(*came == sent);
        }
    }
}

/// What a client with this script makes of a server that only has a minute, and when.
fn against_a_server(script: Vec<PeerOp>) -> Option<(Duration, Vec<Vec<u8>>)> {
    let made = Certificates::get()?;
    let report = Sim::new(Schedule::default()).run(move |world| async move {
        let server = start_server(back, PORT).tls(made.server()).await.expect("a server");
        let address = server.sockets()[0].local_addr();
        let begun = world.now();
        let peer = world.connect_peer(address, script);
        while get_running_loop().expect("it runs").counters().accepted == 0 {
            evloop::sleep(Duration::from_millis(1)).await;
        }
        while server.connections() > 0 {
            evloop::sleep(Duration::from_millis(100)).await;
        }
        server.close();
        (world.now().since(begun), peer.received())
    });
    assert!(report.verdict() == Verdict::Pass, "{report}");
    match report.outcome {
        Outcome::Done(done) => Some(done),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_client_that_says_nothing_has_a_minute() {
    for script in [vec![], vec![PeerOp::Send(vec![0x16, 3, 1])]] {
        let Some((time, received)) = against_a_server(script) else { return };
        assert!((60..62).contains(&time.as_secs()), "{time:?}");
        assert_eq!(received, [b""]);
    }
}

#[test]
fn a_client_that_leaves_or_talks_nonsense_ends_at_once() {
    let nonsense = PeerOp::Send(b"EHLO example.org\r\n".to_vec());
    for script in
        [vec![PeerOp::Close], vec![PeerOp::Reset], vec![PeerOp::HalfClose], vec![nonsense]]
    {
        let Some((time, _)) = against_a_server(script) else { return };
        assert!(time < Duration::from_secs(2), "{time:?}");
    }
}

#[test]
fn a_client_waits_for_the_handshake_as_long_as_it_says() {
    let Some(made) = Certificates::get() else { return };
    let report = Sim::new(Schedule::default()).run(move |world| async move {
        let silent = world.peer(([10, 0, 0, 1], 443).into(), vec![PeerOp::ExpectEnd]);
        let config = made.client().handshake_timeout(Duration::from_secs(7));
        let begun = world.now();
        let error = open_connection(PORT).tls(config, "localhost").await.map(drop).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(error.to_string(), "the TLS handshake with \"localhost\" is not done after 7s");
        drop(silent);
        world.now().since(begun).as_secs()
    });
    assert!(report.verdict() == Verdict::Pass, "{report}");
    assert!(matches!(report.outcome, Outcome::Done(7)), "{report}");
}

/// How long a close takes whose answer never comes, because the network ate it.
#[test]
fn a_peer_has_half_a_minute_to_answer_close_notify() {
    let Some(made) = Certificates::get() else { return };
    let report = Sim::new(Schedule::default()).run(move |world| async move {
        let ends: Rc<RefCell<Vec<StreamWriter>>> = Rc::default();
        let kept = ends.clone();
        let holds = move |mut reader: StreamReader, writer: StreamWriter| {
            kept.borrow_mut().push(writer);
            async move {
                let _ = reader.read(1).await;
            }
        };
        let server = start_server(holds, PORT).tls(made.server()).await.expect("a server");
        let opened = open_connection(PORT).tls(made.client(), "localhost").await;
        let (_reader, mut writer) = opened.expect("a connection");
        let (here, there) = (writer.local_addr().unwrap(), writer.peer_addr().unwrap());
        // What we say arrives, and its answer does not.
        world.partition(there, here);
        let begun = world.now();
        writer.close();
        let error = writer.wait_closed().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut, "{error}");
        let took = world.now().since(begun);
        world.heal(there, here);
        ends.take();
        server.close();
        server.wait_closed().await;
        took.as_secs()
    });
    assert!(report.verdict() == Verdict::Pass, "{report}");
    assert!(matches!(report.outcome, Outcome::Done(30)), "{report}");
}

#[test]
fn a_connection_that_is_given_up_at_any_await_leaves_nothing_behind() {
    let Some(made) = Certificates::get() else { return };
    let proved = cut_each_await(&Schedule::default(), move |world, cut| async move {
        narrow(&world, 700);
        let server = start_server(back, PORT).tls(made.server()).await.expect("a server");
        let talk = cut.dropping(async move {
            let (mut reader, mut writer) =
                open_connection(PORT).tls(made.client(), "localhost").await?;
            writer.write(b"ping")?;
            reader.readexactly(4).await.map_err(io::Error::from)?;
            writer.close();
            writer.wait_closed().await
        });
        if let Some(result) = talk.await {
            result.expect("nothing else goes wrong");
        }
        server.close();
        server.wait_closed().await;
    });
    assert!(proved.unwrap().awaits >= 4);
}

#[test]
fn start_tls_that_is_given_up_at_any_await_leaves_nothing_behind() {
    let Some(made) = Certificates::get() else { return };
    let proved = cut_each_await(&Schedule::default(), move |world, cut| async move {
        narrow(&world, 700);
        let starts = move |reader: StreamReader, mut writer: StreamWriter| async move {
            if writer.start_tls(&made.server()).await.is_ok() {
                back(reader, writer).await;
            }
        };
        let server = start_server(starts, PORT).await.expect("a server");
        let talk = cut.dropping(async move {
            let (mut reader, mut writer) = open_connection(PORT).await?;
            writer.start_tls(made.client().to("localhost")).await?;
            writer.write(b"ping")?;
            reader.readexactly(4).await.map_err(io::Error::from).map(drop)
        });
        if let Some(result) = talk.await {
            result.expect("nothing else goes wrong");
        }
        server.close();
        server.wait_closed().await;
    });
    assert!(proved.unwrap().awaits >= 3);
}
