//! The HTTP server's long exchanges on every schedule: answers that are written while they are
//! sent, bodies that are read as they come, and connections that change their protocol. No byte is
//! lost or invented, memory is bounded whatever the other side does, and nothing is left behind.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use evloop::http::ClientSession;
use evloop::testing::{
    Cut, FaultKind, Link, Outcome, Schedule, ScheduleParams, Sim, World, check, cut_each_await,
    schedule_with,
};
use evloop::web::{Application, BodyError, HttpServer, Request, Response};
use evloop::{StreamReader, StreamWriter, open_connection, spawn, yield_now};
use proptest::prelude::*;

const SECOND: Duration = Duration::from_secs(1);
const ASKS: &str = "GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n";
const PIECE: usize = 16 << 10;
/// The buffers of the link, the water mark of a transport, one piece, and some heads.
const BOUND: usize = (64 << 10) * 3 + PIECE + 1024;

fn address() -> SocketAddr {
    "10.0.0.1:80".parse().unwrap()
}

fn url() -> String {
    format!("http://{}/", address())
}

/// Bytes of which each tells where it stands.
fn pattern(from: usize, len: usize) -> Vec<u8> {
    (from..from + len).map(|at| (at % 251) as u8).collect()
}

/// What a handler has done.
#[derive(Clone, Default)]
struct Seen {
    bytes: Rc<RefCell<Vec<u8>>>,
    count: Rc<Cell<usize>>,
    ended: Rc<RefCell<Option<Result<(), String>>>>,
}

impl Seen {
    fn ends(&self, how: Result<(), impl ToString>) {
        self.ended.replace(Some(how.map_err(|error| error.to_string())));
    }

    /// Whether what came is the first part of the pattern, of `len` bytes at most.
    fn is_prefix_of(&self, len: usize) -> bool {
        let bytes = self.bytes.borrow();
        bytes.len() <= len && *bytes == pattern(0, bytes.len())
    }
}

async fn serve(mut app: Application, handler: impl FnOnce(&mut Application)) -> HttpServer {
    handler(&mut app);
    app.serve(address()).await.unwrap()
}

/// The server ends, and so has everything but the test.
async fn nothing_is_left(world: &World, server: HttpServer) {
    server.shutdown(SECOND).await;
    assert_eq!(server.connections(), 0, "a connection is left");
    drop(server);
    while !world.open_fds().is_empty() {
        evloop::sleep(SECOND).await;
    }
    for _ in 0..8 {
        yield_now().await;
    }
    let counters = evloop::get_running_loop().unwrap().counters();
    let tasks = counters.tasks_spawned - counters.tasks_done - 1;
    assert_eq!(tasks, 0, "a task is left");
}

// ---- the handlers ------------------------------------------------------------------------------

/// Answers with the pattern, written in pieces of these sizes; their sum is announced, or not.
fn streams(app: &mut Application, sizes: Vec<usize>, announced: bool, seen: Seen) {
    app.router().add_get("/", move |_: Request| {
        let (sizes, seen) = (sizes.clone(), seen.clone());
        let all = sizes.iter().sum::<usize>() as u64;
        async move {
            let response = Response::stream(move |mut body| async move {
                for size in sizes {
                    let piece = pattern(seen.count.get(), size);
                    if let Err(error) = body.write(&piece).await {
                        seen.ends(Err(&error));
                        return Err(error.into());
                    }
                    seen.count.set(seen.count.get() + size);
                    if size % 2 == 1 {
                        yield_now().await;
                    }
                }
                seen.ends(Ok::<_, String>(()));
                Ok(())
            });
            if announced { response.content_length(all) } else { response }
        }
    });
}

/// Reads what comes, and says how much it was.
fn reads(app: &mut Application, seen: Seen) {
    app.router().add_post("/", move |request: Request| {
        let seen = seen.clone();
        async move {
            let content = request.content();
            loop {
                match content.read_chunk().await {
                    Ok(Some(piece)) => seen.bytes.borrow_mut().extend(piece),
                    Ok(None) => break seen.ends(Ok::<_, String>(())),
                    Err(error) => {
                        seen.ends(Err(&error));
                        return Err(error);
                    }
                }
                yield_now().await;
            }
            Ok::<_, BodyError>(seen.bytes.borrow().len().to_string())
        }
    });
}

/// Says back what comes; it decides to after some steps.
fn echoes(app: &mut Application, steps: usize) {
    app.router().add_get("/", move |_: Request| async move {
        for _ in 0..steps {
            yield_now().await;
        }
        Response::upgrade("echo", |mut upgraded| async move {
            while let Ok(bytes) = upgraded.reader.read(PIECE).await {
                let sent = !bytes.is_empty() && upgraded.writer.write(&bytes).is_ok();
                if !sent || upgraded.writer.drain().await.is_err() {
                    break;
                }
            }
        })
    });
}

// ---- every schedule ----------------------------------------------------------------------------

/// How the end of an answer is told.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Told {
    Chunked,
    Length,
    Close,
}

fn told() -> impl Strategy<Value = Told> {
    prop_oneof![Just(Told::Chunked), Just(Told::Length), Just(Told::Close)]
}

fn sizes() -> impl Strategy<Value = Vec<usize>> {
    let size = prop_oneof![Just(0usize), 1..300usize, Just(70_001), Just(100_000)];
    proptest::collection::vec(size, 0..5)
}

fn breaking() -> ScheduleParams {
    let kinds = &[FaultKind::Reset, FaultKind::Short, FaultKind::Again];
    ScheduleParams { kinds, faults: 0..3, ..ScheduleParams::default() }
}

fn body_of(answer: &[u8]) -> Option<&[u8]> {
    let end = answer.windows(4).position(|it| it == b"\r\n\r\n")?;
    Some(&answer[end + 4..])
}

async fn fetched(told: Told) -> Result<Vec<u8>, String> {
    if told != Told::Close {
        let session = ClientSession::new();
        let response = session.get(&url()).await.map_err(|error| error.to_string())?;
        let body = response.bytes().await.map_err(|error| error.to_string())?;
        return Ok(body.to_vec());
    }
    let (mut reader, mut writer) =
        open_connection(address()).await.map_err(|error| error.to_string())?;
    writer.write(b"GET / HTTP/1.0\r\nHost: h\r\n\r\n").map_err(|error| error.to_string())?;
    let answer = reader.read_to_end().await.map_err(|error| error.to_string())?;
    body_of(&answer).map(<[u8]>::to_vec).ok_or_else(|| "no head".to_owned())
}

/// What the client got, and what the stream's writer did.
async fn streamed(
    world: World,
    sizes: Vec<usize>,
    told: Told,
) -> (Result<Vec<u8>, String>, Option<Result<(), String>>) {
    let seen = Seen::default();
    let theirs = seen.clone();
    let announced = told == Told::Length;
    let server = serve(Application::new(), |app| streams(app, sizes, announced, theirs)).await;
    let got = fetched(told).await;
    nothing_is_left(&world, server).await;
    (got, seen.ended.take())
}

/// What the client was told, whether the handler saw but what was sent, and how it ended.
async fn uploaded(
    world: World,
    sizes: Vec<usize>,
    chunked: bool,
) -> (Result<String, String>, bool, Option<Result<(), String>>) {
    let all = sizes.iter().sum();
    let seen = Seen::default();
    let theirs = seen.clone();
    let server = serve(Application::new(), |app| reads(app, theirs)).await;
    let session = ClientSession::new();
    let post = session.post(&url());
    let post = if chunked {
        post.stream(move |mut body| async move {
            let mut at = 0;
            for size in sizes {
                body.write(&pattern(at, size)).await?;
                at += size;
                yield_now().await;
            }
            Ok(())
        })
    } else {
        post.body(pattern(0, all))
    };
    let answer = match post.await {
        Ok(response) => response.text().await,
        Err(error) => Err(error),
    };
    session.close();
    drop(session);
    nothing_is_left(&world, server).await;
    let ended = seen.ended.take();
    let right = match ended {
        Some(Ok(())) => *seen.bytes.borrow() == pattern(0, all),
        _ => seen.is_prefix_of(all),
    };
    (answer.map_err(|error| error.to_string()), right, ended)
}

/// Sends the pattern in these pieces, the first with the head, and then its end; gives what came
/// after the head of the answer, and why no more did.
async fn echoed(world: World, sizes: Vec<usize>, steps: usize) -> (Vec<u8>, Option<String>) {
    let server = serve(Application::new(), |app| echoes(app, steps)).await;
    let mut answer = Vec::new();
    let why = match open_connection(address()).await {
        Ok((reader, writer)) => talk(reader, writer, sizes, &mut answer).await.err(),
        Err(error) => Some(error),
    };
    nothing_is_left(&world, server).await;
    let body = body_of(&answer).unwrap_or_default().to_vec();
    (body, why.map(|error| error.to_string()))
}

async fn talk(
    mut reader: StreamReader,
    mut writer: StreamWriter,
    sizes: Vec<usize>,
    answer: &mut Vec<u8>,
) -> std::io::Result<()> {
    let sends = spawn(async move {
        let (mut at, mut bytes) = (0, ASKS.as_bytes().to_vec());
        for size in sizes {
            bytes.extend(pattern(at, size));
            at += size;
            let sent = writer.write(&std::mem::take(&mut bytes));
            if sent.is_err() || writer.drain().await.is_err() {
                return;
            }
        }
        let _ = writer.write(&bytes);
        writer.write_eof();
    });
    let ended = loop {
        match reader.read(PIECE).await {
            Ok(bytes) if bytes.is_empty() => break Ok(()),
            Ok(bytes) => answer.extend(bytes),
            Err(error) => break Err(error),
        }
    };
    sends.await.expect("no panic");
    ended
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_stream_arrives_whole_however_it_is_told_and_cut(
        schedule in schedule_with(ScheduleParams::default()), sizes in sizes(), told in told(),
    ) {
        let all = pattern(0, sizes.iter().sum());
        let (got, ended) = check(schedule, move |world| streamed(world, sizes, told))?;
        prop_assert_eq!(ended, Some(Ok(())));
        prop_assert!(got == Ok(all));
    }

    #[test]
    fn a_stream_whose_connection_is_reset_is_whole_or_an_error(
        schedule in schedule_with(breaking()), sizes in sizes(), told in told(),
    ) {
        let all = pattern(0, sizes.iter().sum());
        let (got, ended) = check(schedule, move |world| streamed(world, sizes, told))?;
        if let Ok(got) = got {
            prop_assert!(got == all, "{} of {} bytes", got.len(), all.len());
            prop_assert_eq!(ended, Some(Ok(())));
        }
    }

    #[test]
    fn an_upload_is_read_whole_however_it_is_told_and_cut(
        schedule in schedule_with(ScheduleParams::default()), sizes in sizes(), chunked: bool,
    ) {
        let all = sizes.iter().sum::<usize>();
        let (answer, right, ended) = check(schedule, move |world| uploaded(world, sizes, chunked))?;
        prop_assert_eq!((answer, right, ended), (Ok(all.to_string()), true, Some(Ok(()))));
    }

    #[test]
    fn of_an_upload_whose_connection_is_reset_only_what_was_sent_is_read(
        schedule in schedule_with(breaking()), sizes in sizes(), chunked: bool,
    ) {
        let all = sizes.iter().sum::<usize>();
        let (answer, right, ended) = check(schedule, move |world| uploaded(world, sizes, chunked))?;
        prop_assert!(right, "{:?} {:?}", answer, ended);
        if let Ok(answer) = answer {
            prop_assert_eq!(answer, all.to_string());
        }
    }

    #[test]
    fn what_an_upgraded_connection_is_sent_early_and_late_is_echoed_whole(
        schedule in schedule_with(ScheduleParams::default()), sizes in sizes(), steps in 0..4usize,
    ) {
        let all = pattern(0, sizes.iter().sum());
        let (got, why) = check(schedule, move |world| echoed(world, sizes, steps))?;
        prop_assert_eq!(why, None);
        prop_assert!(got == all, "{} of {} bytes", got.len(), all.len());
    }

    #[test]
    fn an_upgraded_connection_that_is_reset_invents_nothing_and_leaves_nobody(
        schedule in schedule_with(breaking()), sizes in sizes(), steps in 0..4usize,
    ) {
        let all = pattern(0, sizes.iter().sum());
        let (got, _) = check(schedule, move |world| echoed(world, sizes, steps))?;
        prop_assert!(all.starts_with(&got), "{} of {} bytes", got.len(), all.len());
    }
}

// ---- back-pressure -----------------------------------------------------------------------------

fn simulated<F>(main: impl FnOnce(World) -> F + 'static) -> F::Output
where
    F: Future<Output: 'static> + 'static,
{
    let report = Sim::new(Schedule::default()).run(main);
    match report.outcome {
        Outcome::Done(done) => done,
        _ => panic!("{report}"),
    }
}

fn received() -> usize {
    evloop::get_running_loop().unwrap().counters().bytes_received as usize
}

#[test]
fn a_stream_is_written_no_faster_than_it_is_read() {
    simulated(|world| async move {
        let seen = Seen::default();
        let theirs = seen.clone();
        let server =
            serve(Application::new(), |app| streams(app, vec![PIECE; 256], true, theirs)).await;
        let (mut reader, mut writer) = open_connection(address()).await.unwrap();
        writer.write(b"GET / HTTP/1.0\r\nHost: h\r\n\r\n").unwrap();
        // The client's reader is itself a buffer: of 64 KiB, and one receive more.
        evloop::sleep(30 * SECOND).await;
        let most = BOUND + (64 << 10) * 3;
        assert!(seen.count.get() < most, "{} bytes were written for nobody", seen.count.get());
        let answer = reader.read_to_end().await.unwrap();
        assert!(body_of(&answer) == Some(&pattern(0, 256 * PIECE)[..]));
        drop((reader, writer));
        nothing_is_left(&world, server).await;
    });
}

#[test]
fn a_stream_for_a_client_that_takes_nothing_is_told_and_the_connection_ends() {
    simulated(|world| async move {
        let seen = Seen::default();
        let theirs = seen.clone();
        let server =
            serve(Application::new(), |app| streams(app, vec![PIECE; 256], false, theirs)).await;
        let (reader, mut writer) = open_connection(address()).await.unwrap();
        writer.write(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
        evloop::sleep(130 * SECOND).await;
        assert_eq!(seen.ended.take(), Some(Err("the client has gone".to_owned())));
        assert_eq!(server.connections(), 0);
        drop((reader, writer));
        nothing_is_left(&world, server).await;
    });
}

/// Sends without end for 30 s, and gives how much the server received.
async fn floods(head: &str) -> usize {
    let (reader, mut writer) = open_connection(address()).await.unwrap();
    writer.write(head.as_bytes()).unwrap();
    let flood = spawn(async move {
        while writer.write(&[7; PIECE]).is_ok() && writer.drain().await.is_ok() {}
    });
    evloop::sleep(30 * SECOND).await;
    let came = received();
    flood.cancel();
    let _ = flood.await;
    drop(reader);
    came
}

#[test]
fn an_upload_is_received_no_faster_than_it_is_read() {
    simulated(|world| async move {
        let server = serve(Application::new(), |app| {
            app.router().add_post("/", |request: Request| async move {
                // It is busy with much else.
                for _ in 0..600 {
                    evloop::sleep(SECOND / 10).await;
                }
                drop(request);
                "done"
            });
        })
        .await;
        let came = floods("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9999999\r\n\r\n").await;
        assert!(came < BOUND, "{came} bytes came that nobody wanted");
        nothing_is_left(&world, server).await;
    });
}

#[test]
fn a_body_that_came_before_it_was_read_has_its_end() {
    for (size, chunked) in [65_536, 65_537, 100_000, 131_072, 131_073]
        .into_iter()
        .flat_map(|size| [(size, false), (size, true)])
    {
        simulated(move |world| async move {
            let server = serve(Application::new(), |app| {
                app.router().add_post("/", |request: Request| async move {
                    let (content, mut all) = (request.content(), 0);
                    evloop::sleep(SECOND).await;
                    while let Some(piece) = content.read_chunk().await? {
                        all += piece.len();
                        evloop::sleep(SECOND).await;
                    }
                    Ok::<_, BodyError>(all.to_string())
                });
            })
            .await;
            let session = ClientSession::new();
            let post = session.post(&url());
            let post = match chunked {
                true => {
                    post.stream(move |mut body| async move { body.write(&pattern(0, size)).await })
                }
                false => post.body(pattern(0, size)),
            };
            let answer = evloop::timeout(20 * SECOND, post).await.expect("it ends");
            assert_eq!(answer.unwrap().text().await.unwrap(), size.to_string());
            drop(session);
            nothing_is_left(&world, server).await;
        });
    }
}

#[test]
fn an_upgraded_connection_is_received_no_faster_than_it_is_read() {
    for steps in [0, 2] {
        simulated(move |world| async move {
            let server = serve(Application::new(), |app| {
                app.router().add_get("/", move |_: Request| async move {
                    for _ in 0..steps {
                        yield_now().await;
                    }
                    Response::upgrade("echo", |upgraded| async move {
                        // It is busy with much else.
                        for _ in 0..600 {
                            evloop::sleep(SECOND / 10).await;
                        }
                        drop(upgraded);
                    })
                });
            })
            .await;
            let came = floods(ASKS).await;
            assert!(came < BOUND, "{came} bytes came that nobody wanted");
            nothing_is_left(&world, server).await;
        });
    }
}

#[test]
fn the_end_that_came_before_the_switch_is_read_after_it() {
    for early in ["", "early"] {
        simulated(move |world| async move {
            let server = serve(Application::new(), |app| {
                app.router().add_get("/", |_: Request| async {
                    evloop::sleep(SECOND).await;
                    Response::upgrade("echo", |mut upgraded| async move {
                        let all = upgraded.reader.read_to_end().await.unwrap();
                        upgraded.writer.write(&all).unwrap();
                    })
                });
            })
            .await;
            let (mut reader, mut writer) = open_connection(address()).await.unwrap();
            writer.write(format!("{ASKS}{early}").as_bytes()).unwrap();
            writer.write_eof();
            let answer = evloop::timeout(10 * SECOND, reader.read_to_end()).await;
            let answer = answer.expect("it waits for ever").unwrap();
            assert_eq!(body_of(&answer), Some(early.as_bytes()));
            drop((reader, writer));
            nothing_is_left(&world, server).await;
        });
    }
}

#[test]
fn a_client_that_ended_and_is_not_granted_its_upgrade_is_answered_and_closed() {
    simulated(|world| async move {
        let server = serve(Application::new(), |app| {
            app.router().add_get("/", |_: Request| async {
                evloop::sleep(SECOND).await;
                "plain"
            });
        })
        .await;
        let (mut reader, mut writer) = open_connection(address()).await.unwrap();
        writer.write(ASKS.as_bytes()).unwrap();
        writer.write_eof();
        let answer = evloop::timeout(10 * SECOND, reader.read_to_end()).await;
        let answer = answer.expect("it is closed").unwrap();
        assert_eq!(body_of(&answer), Some(&b"plain"[..]));
        assert!(String::from_utf8_lossy(&answer).contains("connection: close"));
        drop((reader, writer));
        nothing_is_left(&world, server).await;
    });
}

// ---- under the knife ---------------------------------------------------------------------------

#[track_caller]
fn withstands<F: Future<Output = ()> + 'static>(main: impl Fn(World, Cut) -> F) {
    match cut_each_await(&Schedule::default(), main) {
        Ok(proved) => assert!(proved.awaits > 0, "it never waits: nothing was cut"),
        Err(broken) => panic!("{broken}"),
    }
}

#[test]
fn a_write_that_was_cut_has_sent_nothing_and_may_be_made_again() {
    withstands(|world, cut| async move {
        let server = serve(Application::new(), |app| {
            app.router().add_get("/", move |_: Request| {
                let cut = cut.clone();
                async move {
                    Response::stream(move |mut body| async move {
                        for piece in 0..5 {
                            let piece = pattern(piece * 70_000, 70_000);
                            loop {
                                if let Some(written) = cut.dropping(body.write(&piece)).await {
                                    break written?;
                                }
                            }
                        }
                        Ok(())
                    })
                }
            });
        })
        .await;
        assert!(fetched(Told::Chunked).await == Ok(pattern(0, 350_000)));
        nothing_is_left(&world, server).await;
    });
}

#[test]
fn a_read_of_a_body_that_was_cut_has_taken_nothing() {
    withstands(|world, cut| async move {
        let seen = Seen::default();
        let theirs = seen.clone();
        let server = serve(Application::new(), |app| {
            app.router().add_post("/", move |request: Request| {
                let (seen, cut) = (theirs.clone(), cut.clone());
                async move {
                    let content = request.content();
                    loop {
                        match cut.dropping(content.read_chunk()).await {
                            None => {}
                            Some(Ok(Some(piece))) => seen.bytes.borrow_mut().extend(piece),
                            Some(Ok(None)) => return "read",
                            Some(Err(_)) => return "broken",
                        }
                    }
                }
            });
        })
        .await;
        let session = ClientSession::new();
        let response = session.post(&url()).body(pattern(0, 300_000)).await.unwrap();
        assert_eq!(response.text().await.unwrap(), "read");
        assert!(*seen.bytes.borrow() == pattern(0, 300_000));
        drop(session);
        nothing_is_left(&world, server).await;
    });
}

/// A client that is cut at each of its awaits, of a server that cancels handlers, or does not.
#[track_caller]
fn withstands_clients<F: Future<Output = ()> + 'static>(
    handler: impl Fn(&mut Application) + Copy + 'static,
    client: impl Fn() -> F + Copy + 'static,
) {
    for cancels in [false, true] {
        withstands(move |world, cut| async move {
            let mut app = Application::new();
            app.handler_cancellation(cancels);
            let server = serve(app, handler).await;
            cut.dropping(client()).await;
            nothing_is_left(&world, server).await;
        });
    }
}

#[test]
fn a_client_of_a_stream_may_go_anywhere() {
    withstands_clients(
        |app| streams(app, vec![70_001; 4], false, Seen::default()),
        || async { drop(fetched(Told::Chunked).await) },
    );
}

#[test]
fn a_client_of_an_upload_may_go_anywhere() {
    withstands_clients(
        |app| reads(app, Seen::default()),
        || async {
            let session = ClientSession::new();
            let post = session.post(&url()).body(pattern(0, 300_000)).await.unwrap();
            drop(post.text().await);
        },
    );
}

#[test]
fn a_client_of_an_upgraded_connection_may_go_anywhere() {
    withstands_clients(
        |app| echoes(app, 2),
        || async {
            let (mut reader, mut writer) = open_connection(address()).await.unwrap();
            writer.write(ASKS.as_bytes()).unwrap();
            for _ in 0..4 {
                writer.write(&pattern(0, 70_000)).unwrap();
                writer.drain().await.unwrap();
                reader.read(PIECE).await.unwrap();
            }
        },
    );
}

#[test]
fn a_slow_and_narrow_link_carries_a_stream_whole() {
    simulated(|world| async move {
        let anywhere = "0.0.0.0:0".parse().unwrap();
        let link = Link::default().with_buffers(512, 64).with_latency(SECOND / 100);
        world.link(anywhere, address(), link);
        let (got, _) = streamed(world, vec![30_000], Told::Chunked).await;
        assert!(got == Ok(pattern(0, 30_000)));
    });
}
