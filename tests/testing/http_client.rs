//! The HTTP client on every schedule: an answer is whole or an error, and nothing is left behind.

use std::net::SocketAddr;
use std::time::Duration;

use evloop::http::{ClientError, ClientSession, ClientTimeout, Connector, TimeoutKind};
use evloop::testing::{
    Cut, FaultKind, Link, Outcome, PeerOp, Schedule, ScheduleParams, Sim, World, check,
    cut_each_await, schedule_with,
};
use evloop::web::{Application, BodyError, HttpServer, Request, Response};
use evloop::{spawn, yield_now};
use proptest::prelude::*;

const SECOND: Duration = Duration::from_secs(1);

fn server() -> SocketAddr {
    "10.0.0.1:80".parse().unwrap()
}

fn anywhere() -> SocketAddr {
    "0.0.0.0:0".parse().unwrap()
}

fn limited(limit: usize) -> ClientSession {
    let connector = Connector::tcp().limit(limit);
    ClientSession::builder().connector(connector).build().unwrap()
}

/// Says what it was sent, or its path.
async fn echo(request: Request) -> Result<Response, BodyError> {
    let body = request.read().await?.to_vec();
    Ok(match body.is_empty() {
        true => Response::text(request.path().to_owned()),
        false => Response::bytes(body),
    })
}

async fn served() -> HttpServer {
    let mut app = Application::new();
    app.limits(evloop::http::Limits { body_size: 1 << 24, ..Default::default() });
    app.router().add_route("*", "/{path:.*}", echo);
    app.serve(server()).await.unwrap()
}

// ---- every schedule ----------------------------------------------------------------------------

/// What one of several requests is.
#[derive(Clone, Copy, Debug)]
enum Ask {
    Get,
    Post(usize),
    Stream(usize),
    /// A response that is dropped.
    Drop,
}

fn ask() -> impl Strategy<Value = Ask> {
    let size = prop_oneof![Just(0usize), Just(10), Just(70_000), Just(300_000)];
    prop_oneof![
        3 => Just(Ask::Get),
        2 => size.clone().prop_map(Ask::Post),
        2 => size.prop_map(Ask::Stream),
        1 => Just(Ask::Drop),
    ]
}

/// Asks, and says whether what came is what was asked for.
async fn asked(session: ClientSession, number: usize, ask: Ask) -> Result<bool, ClientError> {
    let path = format!("/{number}");
    let url = format!("http://{}{path}", server());
    let (request, size) = match ask {
        Ask::Get | Ask::Drop => (session.get(&url), 0),
        Ask::Post(size) => (session.post(&url).body(vec![number as u8; size]), size),
        Ask::Stream(size) => {
            let source = move |mut body: evloop::http::BodySender| async move {
                for at in (0..size).step_by(50_000) {
                    body.write(&vec![number as u8; 50_000.min(size - at)]).await?;
                }
                Ok(())
            };
            (session.post(&url).stream(source), size)
        }
    };
    let response = request.await?;
    if matches!(ask, Ask::Drop) {
        return Ok(true);
    }
    let expected = if size == 0 { path.into_bytes() } else { vec![number as u8; size] };
    Ok(response.bytes().await? == expected)
}

async fn all(world: World, asks: Vec<Ask>, limit: usize) -> Vec<Result<bool, String>> {
    let server = served().await;
    let session = limited(limit);
    let tasks: Vec<_> = asks
        .into_iter()
        .enumerate()
        .map(|(number, ask)| spawn(asked(session.clone(), number, ask)))
        .collect();
    let mut outcomes = Vec::new();
    for task in tasks {
        let outcome = task.await.expect("no panic");
        outcomes.push(outcome.map_err(|error| error.to_string()));
        let (in_use, idle) = session.connections();
        assert!(limit == 0 || in_use + idle <= limit, "{in_use} and {idle} of {limit}");
    }
    assert_eq!(session.connections().0, 0, "a slot was lost");
    drop(session);
    server.shutdown(SECOND).await;
    drop(server);
    while !world.open_fds().is_empty() {
        evloop::sleep(SECOND).await;
    }
    outcomes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn every_answer_is_whole_whatever_the_order_and_the_size_of_reads(
        schedule in schedule_with(ScheduleParams::default()),
        asks in proptest::collection::vec(ask(), 1..6),
        limit in 0usize..3,
    ) {
        let outcomes = check(schedule, move |world| all(world, asks.clone(), limit))?;
        for outcome in outcomes {
            prop_assert_eq!(outcome, Ok(true));
        }
    }

    #[test]
    fn an_answer_is_whole_or_an_error_and_no_slot_is_lost_to_resets(
        schedule in schedule_with(ScheduleParams {
            kinds: &[FaultKind::Reset, FaultKind::Short],
            faults: 0..3,
            ..ScheduleParams::default()
        }),
        asks in proptest::collection::vec(ask(), 1..6),
        limit in 0usize..3,
    ) {
        let outcomes = check(schedule, move |world| all(world, asks.clone(), limit))?;
        for outcome in outcomes {
            prop_assert!(outcome != Ok(false));
        }
    }

    #[test]
    fn the_answer_of_a_server_that_closes_during_an_upload_is_given(
        schedule in schedule_with(ScheduleParams::default()),
        piece in 1usize..100_000,
        pauses in any::<bool>(),
    ) {
        let answer = check(schedule, move |world| async move {
            let text = "HTTP/1.1 413 Too Much\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno";
            let say = PeerOp::Send(text.into());
            world.peer(server(), vec![PeerOp::Expect(60), say, PeerOp::Close]);
            let url = format!("http://{}/", server());
            let sent = ClientSession::new().post(&url).stream(move |mut body| async move {
                for _ in 0..50 {
                    body.write(&vec![0; piece]).await?;
                    if pauses {
                        yield_now().await;
                    }
                }
                Ok(())
            });
            let response = sent.await.unwrap();
            (response.status().as_u16(), response.text().await.unwrap())
        })?;
        prop_assert_eq!(answer, (413, "no".to_owned()));
    }
}

// ---- the clock -------------------------------------------------------------------------------

/// Runs `main` and gives how long it took, in milliseconds, with what it gave.
fn timed<F>(main: impl FnOnce(World) -> F + 'static) -> (u64, F::Output)
where
    F: Future<Output: 'static> + 'static,
{
    let report = Sim::new(Schedule::default()).run(|world| async move {
        let begun = world.now();
        let value = main(world.clone()).await;
        (world.now().since(begun).as_millis() as u64, value)
    });
    match report.outcome {
        Outcome::Done(done) => done,
        _ => panic!("{report}"),
    }
}

async fn fails(timeout: ClientTimeout) -> (TimeoutKind, &'static str) {
    let url = format!("http://{}/", server());
    let got = match ClientSession::new().get(&url).timeout(timeout).await {
        Ok(response) => response.bytes().await,
        Err(error) => Err(error),
    };
    match got {
        Err(ClientError::Timeout { kind, waiting_for, .. }) => (kind, waiting_for),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_host_that_does_not_answer_is_given_up_after_its_time_exactly() {
    for (timeout, after, kind) in [
        (ClientTimeout::default(), 30_000, TimeoutKind::SockConnect),
        (ClientTimeout::total(7 * SECOND), 7_000, TimeoutKind::Total),
        (
            ClientTimeout { connect: Some(5 * SECOND), ..ClientTimeout::default() },
            5_000,
            TimeoutKind::Connect,
        ),
    ] {
        let (took, (said, waiting_for)) = timed(move |world| {
            world.partition(anywhere(), server());
            fails(timeout)
        });
        assert_eq!((took, said, waiting_for), (after, kind, "the connection"));
    }
}

/// A server that says a part of its answer every so many seconds.
fn slow(world: &World, seconds: u64) {
    let pause = || PeerOp::Pause(Duration::from_secs(seconds));
    let say = |text: &str| PeerOp::Send(text.as_bytes().to_vec());
    let script = vec![
        PeerOp::Expect(10),
        pause(),
        say("HTTP/1.1 200 OK\r\nContent-"),
        pause(),
        say("Length: 2\r\n\r\na"),
        pause(),
        say("b"),
        PeerOp::ExpectEnd,
    ];
    world.peer(server(), script);
}

#[test]
fn silence_between_two_reads_is_measured_anew_after_each() {
    let patience = ClientTimeout { sock_read: Some(3 * SECOND), ..ClientTimeout::default() };
    let (took, length) = timed(move |world| async move {
        slow(&world, 2);
        let url = format!("http://{}/", server());
        let response = ClientSession::new().get(&url).timeout(patience).await.unwrap();
        response.bytes().await.unwrap().len()
    });
    assert_eq!((took / 1000, length), (6, 2));
    let (took, failed) = timed(move |world| {
        slow(&world, 4);
        fails(patience)
    });
    assert_eq!((took / 1000, failed), (3, (TimeoutKind::SockRead, "the response")));
    let (took, failed) = timed(move |world| {
        slow(&world, 2);
        fails(ClientTimeout { total: Some(5 * SECOND), ..patience })
    });
    assert_eq!((took, failed), (5_000, (TimeoutKind::Total, "the rest of the body")));
}

#[test]
fn a_server_that_takes_nothing_is_given_up_and_one_that_takes_little_is_not() {
    let patience = ClientTimeout { sock_write: Some(4 * SECOND), ..ClientTimeout::NONE };
    let sends = move |script: Vec<PeerOp>| {
        timed(move |world| async move {
            world.peer(server(), script);
            let url = format!("http://{}/", server());
            let sent = ClientSession::new().post(&url).body(vec![0; 1 << 22]).timeout(patience);
            sent.await.map(|response| response.status().as_u16())
        })
    };
    let pause = |seconds| PeerOp::Pause(Duration::from_secs(seconds));
    let (took, sent) = sends(vec![PeerOp::Expect(10), pause(100)]);
    match sent {
        Err(ClientError::Timeout { kind, waiting_for, limit }) => {
            assert_eq!((kind, limit), (TimeoutKind::SockWrite, 4 * SECOND));
            assert_eq!(waiting_for, "room for more of the request's body");
        }
        other => panic!("{other:?}"),
    }
    assert!((4_000..=5_100).contains(&took), "{took} ms");
    // Some of it every three seconds, for longer than the limit.
    let mut script = vec![PeerOp::Expect(10)];
    for _ in 0..10 {
        script.extend([pause(3), PeerOp::Expect(300_000)]);
    }
    script.push(PeerOp::Send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_vec()));
    script.push(PeerOp::ExpectEnd);
    let (took, sent) = sends(script);
    assert!(matches!(sent, Ok(200)), "{sent:?}");
    assert!(took >= 30_000, "{took} ms");
}

#[test]
fn sending_a_long_body_is_no_silence() {
    let patience = ClientTimeout { sock_read: Some(SECOND / 4), ..ClientTimeout::default() };
    let (took, length) = timed(move |world| async move {
        // A megabyte takes a second.
        world.link(anywhere(), server(), Link::default().with_bandwidth(1000));
        let server = served().await;
        let url = format!("http://{}/", self::server());
        let session = ClientSession::new();
        let sent = session.post(&url).body(vec![0; 1 << 20]).timeout(patience);
        let length = sent.await.unwrap().bytes().await.unwrap().len();
        drop(session);
        server.shutdown(SECOND).await;
        length
    });
    assert_eq!(length, 1 << 20);
    assert!(took > 2_000, "it took {took} ms");
}

#[test]
fn what_is_not_read_holds_the_server_back() {
    let (_, came) = timed(|_world| async move {
        let server = served().await;
        let url = format!("http://{}/", self::server());
        let session = ClientSession::new();
        let sent = session.post(&url).body(vec![0; 4 << 20]).await.unwrap();
        let before = evloop::get_running_loop().unwrap().counters().bytes_received;
        // Less than the server waits for a client that takes nothing.
        evloop::sleep(50 * SECOND).await;
        let after = evloop::get_running_loop().unwrap().counters().bytes_received;
        assert_eq!(sent.bytes().await.unwrap().len(), 4 << 20);
        drop(session);
        server.shutdown(SECOND).await;
        after - before
    });
    assert!(came < 1 << 20, "{came} bytes came that nobody wanted");
}

// ---- under the knife -------------------------------------------------------------------------

/// Ends each await of what `main` does with a session of one connection; afterwards that one must
/// be there for the next.
#[track_caller]
fn withstands<F: Future<Output = ()> + 'static>(main: impl Fn(ClientSession, String, Cut) -> F) {
    let main = &main;
    let outcome = cut_each_await(&Schedule::default(), |world, cut| {
        let session = limited(1);
        let (theirs, knife) = (session.clone(), cut.clone());
        let cut = main(theirs, format!("http://{}", server()), knife);
        async move {
            let server = served().await;
            cut.await;
            let after = format!("http://{}/after", self::server());
            assert_eq!(session.get(&after).await.unwrap().text().await.unwrap(), "/after");
            assert_eq!(session.connections(), (0, 1));
            drop(session);
            server.shutdown(SECOND).await;
            drop(server);
            while !world.open_fds().is_empty() {
                yield_now().await;
            }
        }
    });
    match outcome {
        Ok(proved) => assert!(proved.awaits > 0, "it never waits: nothing was cut"),
        Err(broken) => panic!("{broken}"),
    }
}

#[test]
fn a_request_may_end_anywhere_and_leaves_its_slot() {
    withstands(|session, url, cut| async move {
        cut.dropping(async move {
            let sent = session.post(&url).body(vec![1; 300_000]).await.unwrap();
            assert_eq!(sent.bytes().await.unwrap().len(), 300_000);
        })
        .await;
    });
}

#[test]
fn a_streamed_body_may_end_anywhere() {
    withstands(|session, url, cut| async move {
        cut.dropping(async move {
            let sent = session.post(&url).stream(|mut body| async move {
                for piece in 0..3 {
                    body.write(&[piece; 100_000]).await?;
                    yield_now().await;
                }
                Ok(())
            });
            assert_eq!(sent.await.unwrap().bytes().await.unwrap().len(), 300_000);
        })
        .await;
    });
}

#[test]
fn who_waits_for_a_slot_may_end_anywhere() {
    withstands(|session, url, cut| async move {
        let held = session.get(&url).await.unwrap();
        let (theirs, again) = (session.clone(), url.clone());
        let last = spawn(async move { theirs.get(&again).await.unwrap().text().await.unwrap() });
        let task = cut.cancelling(async move {
            let response = session.get(&url).await.unwrap();
            drop(response);
        });
        let release = async {
            yield_now().await;
            drop(held);
        };
        release.await;
        drop(task.await);
        assert_eq!(last.await.unwrap(), "/");
    });
}

#[test]
fn a_chunk_that_was_cut_has_taken_nothing() {
    withstands(|session, url, cut| async move {
        let mut response = session.post(&url).body(vec![1; 200_000]).await.unwrap();
        let mut length = 0;
        loop {
            match cut.dropping(response.chunk()).await {
                Some(Ok(Some(piece))) => length += piece.len(),
                Some(Ok(None)) => break,
                Some(Err(error)) => panic!("{error}"),
                None => {}
            }
        }
        assert_eq!(length, 200_000);
    });
}

#[test]
fn a_hop_that_a_middleware_repeats_may_end_anywhere() {
    use evloop::http::{ClientHop, ClientNext};
    withstands(|session, url, cut| async move {
        cut.dropping(async move {
            let twice = |hop: ClientHop, next: ClientNext| async move {
                let first = next.run(hop.clone()).await?;
                assert_eq!(first.bytes().await?.len(), 100_000);
                next.run(hop).await
            };
            let sent = session.post(&url).body(vec![1; 100_000]).middleware(twice).await.unwrap();
            assert_eq!(sent.bytes().await.unwrap().len(), 100_000);
        })
        .await;
    });
}

#[test]
fn a_form_may_end_anywhere() {
    use evloop::http::FormData;
    withstands(|session, url, cut| async move {
        cut.dropping(async move {
            let form = FormData::new().bytes("bytes", "a", vec![1; 100_000]).stream(
                "stream",
                "b",
                None,
                |mut body| async move {
                    for piece in 0..3 {
                        body.write(&[piece; 50_000]).await?;
                        yield_now().await;
                    }
                    Ok(())
                },
            );
            let sent = session.post(&url).multipart(form).await.unwrap();
            assert!(sent.bytes().await.unwrap().len() > 250_000);
        })
        .await;
    });
}
