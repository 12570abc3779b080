//! How a server ends and how it learns of its clients' ends, on simulated networks.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use evloop::http::{ClientSession, Limits, Timeouts};
use evloop::testing::{Link, Outcome, Schedule, ScheduleParams, Sim, World, check, schedule_with};
use evloop::web::{Application, Request, Response};
use evloop::{open_connection, sleep, spawn, yield_now};
use proptest::prelude::*;

const SECOND: Duration = Duration::from_secs(1);
const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n";

fn address() -> SocketAddr {
    "10.0.0.1:80".parse().unwrap()
}

#[track_caller]
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

/// Counted while it is there.
struct AtWork(Rc<Cell<i32>>);

impl AtWork {
    fn new(count: &Rc<Cell<i32>>) -> AtWork {
        count.set(count.get() + 1);
        AtWork(count.clone())
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

// ---- the server's end ----------------------------------------------------------------------------

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn when_a_server_has_ended_no_handler_of_it_is_at_work(
        schedule in schedule_with(ScheduleParams::default()),
        cancels: bool,
        steps in 0usize..6,
        stays in 0usize..6,
    ) {
        let at_work = check(schedule, move |_| async move {
            let count = Rc::new(Cell::new(0));
            let inside = count.clone();
            let mut app = Application::new();
            app.handler_cancellation(cancels);
            app.router().add_post("/", move |request: Request| {
                let work = AtWork::new(&inside);
                async move {
                    // It breaks off, and then there is something to put in order.
                    let _ = request.read().await;
                    for _ in 0..steps {
                        yield_now().await;
                    }
                    drop(work);
                    "done"
                }
            });
            let server = app.serve(address()).await.unwrap();
            let (reader, mut writer) = open_connection(address()).await.unwrap();
            let head = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhalf";
            writer.write(head.as_bytes()).unwrap();
            for _ in 0..stays {
                yield_now().await;
            }
            writer.transport().abort();
            drop((reader, writer));
            server.shutdown(60 * SECOND).await;
            count.get()
        })?;
        prop_assert_eq!(at_work, 0);
    }
}

#[test]
fn a_handler_whose_client_has_left_has_the_time_of_every_other_and_is_then_cancelled() {
    for (takes, ended, cancelled) in [(30, 30, false), (90, 60, true)] {
        let (took, done) = simulated(move |world| async move {
            let mut app = Application::new();
            let (done, begun) = (Rc::new(Cell::new(false)), Rc::new(Cell::new(false)));
            let (ends, begins) = (done.clone(), begun.clone());
            app.router().add_get("/", move |_| {
                let ends = ends.clone();
                begins.set(true);
                async move {
                    sleep(takes * SECOND).await;
                    ends.set(true);
                    ""
                }
            });
            let server = app.serve(address()).await.unwrap();
            let (reader, mut writer) = open_connection(address()).await.unwrap();
            writer.write(GET).unwrap();
            while !begun.get() {
                yield_now().await;
            }
            writer.transport().abort();
            drop((reader, writer));
            let since = world.now();
            server.shutdown(60 * SECOND).await;
            (world.now().since(since).as_secs(), done.get())
        });
        assert_eq!((took, done), (ended, !cancelled));
    }
}

// ---- the others ----------------------------------------------------------------------------------

#[test]
fn whoever_asks_at_once_is_served_among_many_that_come_at_the_same_time_and_say_nothing() {
    for silent in [0, 5, 20, 60] {
        let text = simulated(move |_| async move {
            let mut app = Application::new();
            app.limits(Limits { connections: Some(8), ..Limits::default() });
            app.router().add_get("/", |_| async { "served" });
            let server = app.serve(address()).await.unwrap();
            let connect = || spawn(async { open_connection(address()).await.unwrap() });
            let before: Vec<_> = (0..silent).map(|_| connect()).collect();
            let asks = spawn(async {
                let session = ClientSession::new();
                let response = session.get(&format!("http://{}/", address())).await?;
                response.text().await
            });
            let after: Vec<_> = (0..silent).map(|_| connect()).collect();
            let text = asks.await.unwrap();
            drop((before, after));
            server.shutdown(SECOND).await;
            text
        });
        assert_eq!(text.ok().as_deref(), Some("served"), "among {silent} and {silent}");
    }
}

// ---- the client's end ----------------------------------------------------------------------------

#[test]
fn a_client_that_leaves_while_its_next_request_waits_is_missed_within_two_seconds() {
    let took = simulated(|world| async move {
        let mut app = Application::new();
        app.handler_cancellation(true);
        let count = Rc::new(Cell::new(0));
        let inside = count.clone();
        app.router().add_get("/", move |_| {
            let work = AtWork::new(&inside);
            async move {
                std::future::pending::<()>().await;
                drop(work);
                ""
            }
        });
        let server = app.serve(address()).await.unwrap();
        let (reader, mut writer) = open_connection(address()).await.unwrap();
        writer.write(&[GET, GET].concat()).unwrap();
        while count.get() == 0 {
            yield_now().await;
        }
        drop((reader, writer));
        let since = world.now();
        while count.get() > 0 {
            sleep(SECOND / 10).await;
            assert!(world.now().since(since) < 10 * SECOND, "nobody has noticed");
        }
        server.shutdown(SECOND).await;
        world.now().since(since)
    });
    assert!(took <= 2 * SECOND + SECOND / 5, "{took:?}");
}

/// What the access log says of the body of an answer of which the client reads so much.
fn logged(reads: usize, answer: fn() -> Response) -> Vec<u64> {
    simulated(move |_| async move {
        let lines = Rc::new(RefCell::new(Vec::new()));
        let mut app = Application::new();
        let log = lines.clone();
        app.access_log(move |access| log.borrow_mut().push(access.body_size()));
        app.router().add_get("/", move |_| async move { answer() });
        let server = app.serve(address()).await.unwrap();
        let (mut reader, mut writer) = open_connection(address()).await.unwrap();
        writer.write(GET).unwrap();
        let mut read = 0;
        while read < reads {
            read += reader.read(10_000).await.unwrap().len();
        }
        writer.transport().abort();
        drop((reader, writer));
        sleep(SECOND).await;
        server.shutdown(SECOND).await;
        lines.take()
    })
}

const LARGE: usize = 10_000_000;

#[test]
fn of_an_answer_whose_client_left_the_access_log_has_what_was_sent() {
    let whole = || Response::bytes(vec![0; LARGE]);
    let pieces = || {
        Response::stream(|mut body| async move {
            for _ in 0..100 {
                body.write(&[0; LARGE / 100]).await?;
            }
            Ok(())
        })
    };
    for answer in [whole as fn() -> Response, pieces] {
        let lines = logged(200_000, answer);
        assert_eq!(lines.len(), 1, "{lines:?}");
        // Two buffers of the link, and what the client has in its own.
        let most = 200_000 + (64 << 10) * 5;
        assert!((199_000..most as u64).contains(&lines[0]), "{lines:?} of at most {most}");
        assert_eq!(logged(LARGE, answer), [LARGE as u64]);
    }
}

#[test]
fn a_client_that_reads_slowly_is_not_cut_off_while_the_kernels_buffer_empties() {
    let read = simulated(|world| async move {
        // 2 kB/s, and a buffer that takes eight seconds to be writable again.
        let link = Link::default().with_bandwidth(2).with_buffers(48 << 10, 1 << 20);
        world.link("0.0.0.0:0".parse().unwrap(), address(), link);
        let mut app = Application::new();
        app.timeouts(Timeouts { write: 3 * SECOND, ..Timeouts::default() });
        app.router().add_get("/", |_| async { vec![0; 70_000] });
        let server = app.serve(address()).await.unwrap();
        let (mut reader, mut writer) = open_connection(address()).await.unwrap();
        writer.write(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").unwrap();
        // The client's kernel receives meanwhile.
        writer.transport().pause_reading();
        sleep(40 * SECOND).await;
        writer.transport().resume_reading();
        let read = reader.read_to_end().await.map(|bytes| bytes.len());
        server.shutdown(SECOND).await;
        read.ok()
    });
    assert!(read.is_some_and(|read| read > 70_000), "{read:?}");
}
