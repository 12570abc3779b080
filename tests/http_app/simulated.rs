//! Applications on the simulated kernel, in virtual time.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use evloop::http::test::TestClient;
use evloop::testing::{Outcome, Schedule, check, cut_each_await, schedule};
use evloop::web::{AppRunner, Application, Next, NormalizePath, Request, Response, TcpSite};
use evloop::{cancel_scope, get_running_loop, spawn, yield_now};
use proptest::prelude::*;

const MINUTE: Duration = Duration::from_secs(60);

/// An application with all that stands around handlers; it counts what it begins and ends.
fn full(open: &Rc<Cell<i32>>) -> Application {
    let (begins, ends) = (open.clone(), open.clone());
    let mut inner = Application::new();
    inner.router().add_get("/slow", |request: Request| async move {
        for _ in 0..3 {
            yield_now().await;
        }
        Response::text(request.path().to_owned())
    });
    let mut app = Application::new();
    app.middleware(|request: Request, next: Next| async {
        yield_now().await;
        next.run(request).await.header("x-seen", "yes")
    });
    app.middleware(NormalizePath::default());
    app.cleanup_ctx(move |_| {
        let ends = ends.clone();
        begins.set(begins.get() + 1);
        async move {
            yield_now().await;
            Ok::<_, String>(move || async move {
                yield_now().await;
                ends.set(ends.get() - 1);
            })
        }
    });
    app.nest("/in", inner);
    app
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn an_application_answers_on_every_schedule_and_leaves_nothing(schedule in schedule()) {
        let open = Rc::new(Cell::new(0));
        let inside = open.clone();
        let answered = check(schedule, move |world| async move {
            // A connection that is reset under way may give an error, and nothing else.
            let client = TestClient::new(full(&inside)).await.expect("a server");
            for (path, status) in [("/in/slow", 200), ("/in/none", 404), ("/in//slow", 308)] {
                if let Ok(response) = client.get(path).allow_redirects(false).await {
                    assert_eq!(response.status().as_u16(), status);
                    assert_eq!(response.headers()["x-seen"], "yes");
                    drop(response.text().await);
                }
            }
            client.close().await;
            world.open_fds()
        })?;
        prop_assert!(answered.is_empty(), "left open: {answered:?}");
        prop_assert_eq!(open.get(), 0);
    }
}

#[test]
fn a_clean_up_that_was_cut_goes_on_when_it_is_called_again() {
    let proved = cut_each_await(&Schedule::default(), |_, cut| async move {
        let open = Rc::new(Cell::new(0));
        let runner = AppRunner::new(full(&open));
        runner.setup().await.unwrap();
        let site = TcpSite::new(&runner, ("127.0.0.1", 0)).start().await.unwrap();
        let url = format!("http://{}/in/slow", site.address().unwrap());
        let asking = spawn(async move {
            let session = evloop::ClientSession::new();
            let answer = session.get(&url).await;
            drop(answer);
            session.close();
        });
        while runner.connections() == 0 {
            yield_now().await;
        }
        let cleaning = runner.clone();
        let whole = cut.dropping(async move { cleaning.cleanup().await }).await.is_some();
        runner.cleanup().await;
        asking.await.unwrap();
        // A hook that was under way when it was dropped is not begun again.
        assert!(open.get() == 0 || !whole);
        assert_eq!(runner.connections(), 0);
    });
    assert!(proved.unwrap().awaits > 2);
}

/// How long the end of a server takes while one request is under way that `handle` answers; what
/// was noted meanwhile; and what the client got.
fn end_of<F>(
    handle: impl Fn(Rc<RefCell<Vec<u64>>>) -> F + Clone + 'static,
) -> (Vec<u64>, u64, Option<String>)
where
    F: Future<Output = &'static str> + 'static,
{
    let report = evloop::testing::Sim::new(Schedule::default()).run(move |_| async move {
        let log: Rc<RefCell<Vec<u64>>> = Rc::default();
        let (inside, mut app) = (log.clone(), Application::new());
        app.router().add_get("/", move |_| handle(inside.clone()));
        let runner = AppRunner::new(app);
        runner.setup().await.unwrap();
        let site = TcpSite::new(&runner, ("127.0.0.1", 0)).start().await.unwrap();
        let url = format!("http://{}/", site.address().unwrap());
        let asking = spawn(async move {
            let session = evloop::ClientSession::new();
            let answer = session.get(&url).await;
            let answer = match answer {
                Ok(response) => response.text().await.ok(),
                Err(_) => None,
            };
            session.close();
            answer
        });
        while log.borrow().is_empty() {
            yield_now().await;
        }
        let begun = seconds();
        runner.cleanup().await;
        let (noted, took) = (log.borrow().clone(), seconds() - begun);
        (noted, took, asking.await.unwrap())
    });
    match report.outcome {
        Outcome::Done(value) => value,
        other => panic!("{other:?}"),
    }
}

fn seconds() -> u64 {
    let event_loop = get_running_loop().expect("a run");
    event_loop.time().since(evloop::Time::ZERO).as_secs()
}

#[test]
fn a_handler_has_one_timeout_to_end_and_another_once_it_is_asked() {
    // It goes on until the run itself ends.
    let stubborn = |log: Rc<RefCell<Vec<u64>>>| async move {
        while log.borrow().len() < 2 {
            log.borrow_mut().push(seconds());
            let _ = cancel_scope(std::future::pending::<()>()).await;
        }
        "too late"
    };
    let (log, took, answer) = end_of(stubborn);
    assert_eq!((log.len(), log[1] - log[0], took), (2, 60, 120));
    assert_eq!(answer, None);
}

#[test]
fn a_handler_that_is_asked_to_end_may_answer_until_the_second() {
    let (_, took, answer) = end_of(|log| async move {
        log.borrow_mut().push(seconds());
        let _ = cancel_scope(std::future::pending::<()>()).await;
        evloop::sleep(MINUTE / 2).await;
        "sorry"
    });
    assert_eq!((took, answer.as_deref()), (90, Some("sorry")));
}

#[test]
fn a_handler_that_only_is_dropped_keeps_nobody_waiting() {
    let (_, took, answer) = end_of(|log| async move {
        log.borrow_mut().push(seconds());
        std::future::pending::<()>().await;
        "never"
    });
    assert_eq!((took, answer), (60, None));
}

#[cfg(feature = "compression")]
proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_is_compressed_both_ways_is_whole_or_an_error_however_the_network_cuts(
        schedule in schedule(),
        size in 0..40_000_usize,
    ) {
        use std::io::Write;

        use evloop::web::{BodyError, BodyWriter, Compress, Decompress};
        use flate2::{Compression, write::GzEncoder};

        let body: Vec<u8> = (0..size).map(|at| (at * at / 7) as u8).collect();
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(&body).unwrap();
        let (sent, gzip) = (body.clone(), gzip.finish().unwrap());
        let open = check(schedule, move |world| async move {
            let mut app = Application::new();
            app.middleware(Compress::new().min_size(1)).middleware(Decompress);
            app.router().add_post("/whole", |request: Request| async move {
                let body = request.read().await?.to_vec();
                Ok::<_, BodyError>(Response::bytes(body).compress(&request))
            });
            app.router().add_post("/pieces", |request: Request| async move {
                let content = request.content();
                let mirror = move |mut body: BodyWriter| async move {
                    while let Some(piece) = content.read_chunk().await? {
                        body.write(piece).await?;
                    }
                    Ok(())
                };
                Response::stream(mirror).header("content-type", "text/plain")
            });
            let client = TestClient::new(app).await.expect("a server");
            for path in ["/whole", "/pieces"] {
                let request = client.post(path).header("content-encoding", "gzip");
                let Ok(response) = request.body(gzip.clone()).await else { continue };
                if let Ok(came) = response.bytes().await {
                    assert!(came == sent, "{path}: {} of {} bytes came", came.len(), sent.len());
                }
            }
            client.close().await;
            world.open_fds()
        })?;
        prop_assert!(open.is_empty(), "left open: {open:?}");
    }
}
