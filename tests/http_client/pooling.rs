//! Who gets which connection, and when.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use evloop::http::{ClientError, ClientSession, ClientTimeout, Connector, TimeoutKind};
use evloop::{EventLoop, ManualClock, spawn, yield_now};

use crate::support::{Say, Server, ok, run, run_by_hand, with};

fn session(connector: Connector) -> ClientSession {
    ClientSession::builder().connector(connector).build().unwrap()
}

/// Says its path.
fn echo() -> Server {
    Server::new(|asked| ok(&asked.target))
}

/// GETs these paths at once, in tasks that begin in this order.
async fn all(session: &ClientSession, server: &str, paths: &[&str]) -> Vec<String> {
    let gets = paths.iter().map(|path| {
        let (session, url) = (session.clone(), format!("{server}{path}"));
        async move { session.get(&url).await.unwrap().text().await.unwrap() }
    });
    evloop::gather(gets.collect::<Vec<_>>()).await.unwrap()
}

#[test]
fn beyond_the_limit_requests_wait_and_are_served_in_their_order() {
    let server = echo();
    let url = server.url("");
    let paths = ["/0", "/1", "/2", "/3", "/4", "/5", "/6"];
    run(async move {
        let session = session(Connector::tcp().limit(1));
        assert_eq!(all(&session, &url, &paths).await, paths);
        assert_eq!(session.connections(), (0, 1));
    });
    let heard = server.heard();
    let heard: Vec<_> = heard.iter().map(|asked| (&asked.target[..], asked.place)).collect();
    let expected: Vec<_> = (0..7).map(|number| (paths[number], (0, number))).collect();
    assert_eq!(heard, expected);
}

#[test]
fn a_limit_for_each_origin_leaves_the_others_alone() {
    let (one, other) = (echo(), echo());
    let (url, elsewhere) = (one.url(""), other.url("/there"));
    run(async move {
        let session = session(Connector::tcp().limit_per_host(2));
        let held = session.get(&format!("{url}/a")).await.unwrap();
        let also = session.get(&format!("{url}/b")).await.unwrap();
        let (theirs, third) = (session.clone(), format!("{url}/c"));
        let waits = spawn(async move { theirs.get(&third).await.unwrap().text().await.unwrap() });
        assert_eq!(session.get(&elsewhere).await.unwrap().text().await.unwrap(), "/there");
        assert!(!waits.done());
        drop(held);
        assert_eq!(waits.await.unwrap(), "/c");
        also.close();
        assert_eq!(session.connections(), (0, 2));
    });
    assert!(one.heard().iter().all(|asked| asked.place.0 < 2));
}

#[test]
fn an_idle_connection_makes_room_for_another_server() {
    let (one, other) = (echo(), echo());
    let (here, there) = (one.url("/"), other.url("/"));
    run(async move {
        let session = session(Connector::tcp().limit(1));
        for url in [&here, &there, &here] {
            session.get(url).await.unwrap().text().await.unwrap();
            assert_eq!(session.connections(), (0, 1));
        }
    });
    assert_eq!(one.last().place, (1, 0));
}

#[test]
fn who_gives_up_waiting_costs_nobody_a_slot() {
    let server = echo();
    let url = server.url("/");
    run(async move {
        let session = session(Connector::tcp().limit(1));
        let held = session.get(&url).await.unwrap();
        let ask = || {
            let (session, url) = (session.clone(), url.clone());
            spawn(async move { session.get(&url).await.unwrap().text().await.unwrap() })
        };
        let (first, second, third) = (ask(), ask(), ask());
        yield_now().await;
        second.cancel();
        held.close();
        // The first is served in this turn, and ends before it learns so.
        first.cancel();
        assert_eq!(third.await.unwrap(), "/");
        assert_eq!(session.connections(), (0, 1));
    });
}

#[test]
fn waiting_for_a_slot_counts_for_the_connect_timeout_which_says_so() {
    let server = echo();
    let url = server.url("/");
    run(async move {
        let session = session(Connector::tcp().limit(1));
        let held = session.get(&url).await.unwrap();
        let limit = Some(Duration::from_millis(5));
        let timeout = ClientTimeout { connect: limit, ..ClientTimeout::default() };
        let error = session.get(&url).timeout(timeout).await.unwrap_err();
        assert!(error.is_timeout());
        let text = error.to_string();
        assert!(text.contains("a free connection did not come within 5ms (the connect"), "{text}");
        assert!(matches!(error, ClientError::Timeout { kind: TimeoutKind::Connect, .. }));
        drop(held);
        session.get(&url).await.unwrap().text().await.unwrap();
    });
}

#[test]
fn a_connection_is_closed_after_each_request_where_that_is_wanted() {
    let server = echo();
    let url = server.url("/");
    run(async move {
        let session = session(Connector::tcp().force_close(true));
        for _ in 0..2 {
            session.get(&url).await.unwrap().text().await.unwrap();
            assert_eq!(session.connections(), (0, 0));
        }
        session.get(&url).header("connection", "upgrade").await.unwrap();
    });
    let heard = server.heard();
    let places: Vec<_> = heard.iter().map(|asked| asked.place).collect();
    assert_eq!(places, [(0, 0), (1, 0), (2, 0)]);
    let said: Vec<_> = heard.iter().filter_map(|asked| asked.field("connection")).collect();
    assert_eq!(said, ["close", "close", "upgrade"]);
}

#[test]
fn an_idle_connection_is_kept_for_its_time_and_no_longer() {
    let server = echo();
    let url = server.url("/");
    run_by_hand(|clock| async move {
        let session = session(Connector::tcp());
        session.get(&url).await.unwrap().text().await.unwrap();
        for (seconds, idle) in [(14, 1), (1, 0)] {
            clock.advance(Duration::from_secs(seconds));
            // A turn may do without looking at its timers, but not a hundred.
            for _ in 0..100 {
                yield_now().await;
            }
            assert_eq!(session.connections(), (0, idle));
        }
    });
}

/// A server whose first connection ends at its second request, without a word.
fn forgetful(requests: Arc<AtomicUsize>) -> Server {
    Server::new(move |asked| {
        requests.fetch_add(1, Ordering::SeqCst);
        match asked.place {
            (0, 1) => Say::Last(""),
            _ => ok(&asked.method),
        }
    })
}

#[test]
fn a_stale_connection_costs_one_more_try_where_that_may_be_made() {
    for method in ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"] {
        let requests = Arc::<AtomicUsize>::default();
        let server = forgetful(requests.clone());
        let url = server.url("/");
        run(async move {
            let session = ClientSession::new();
            session.get(&url).await.unwrap().text().await.unwrap();
            session.request(method, &url).await.unwrap();
        });
        assert_eq!(requests.load(Ordering::SeqCst), 3, "{method}");
        assert_eq!(server.last().place, (1, 0));
    }
}

#[test]
fn a_post_is_never_sent_twice() {
    for method in ["POST", "PATCH"] {
        let requests = Arc::<AtomicUsize>::default();
        let server = forgetful(requests.clone());
        let url = server.url("/");
        run(async move {
            let session = ClientSession::new();
            session.get(&url).await.unwrap().text().await.unwrap();
            let error = session.request(method, &url).body("x").await.unwrap_err();
            assert!(matches!(error, ClientError::Disconnected), "{error:?}");
            assert_eq!(session.connections(), (0, 0));
        });
        assert_eq!(requests.load(Ordering::SeqCst), 2, "{method}");
    }
}

#[test]
fn nothing_is_tried_a_third_time_nor_on_a_fresh_connection() {
    let server = Server::new(|asked| match asked.place {
        (0, 0) => ok(""),
        _ => Say::Last(""),
    });
    let url = server.url("/");
    run(async move {
        let session = ClientSession::new();
        session.get(&url).await.unwrap().text().await.unwrap();
        for _ in 0..2 {
            let error = session.get(&url).await.unwrap_err();
            assert!(matches!(error, ClientError::Disconnected), "{error:?}");
        }
    });
    let places: Vec<_> = server.heard().iter().map(|asked| asked.place).collect();
    assert_eq!(places, [(0, 0), (0, 1), (1, 0), (2, 0)]);
}

#[test]
fn a_response_that_is_dropped_before_its_end_closes_its_connection() {
    let server = Server::new(|asked| match asked.place {
        (0, 0) => with("200 OK", "", &"x".repeat(1 << 20)),
        _ => ok("small"),
    });
    let url = server.url("/");
    run(async move {
        let session = ClientSession::new();
        let mut large = session.get(&url).await.unwrap();
        large.chunk().await.unwrap().unwrap();
        assert_eq!(session.connections(), (1, 0));
        drop(large);
        assert_eq!(session.connections(), (0, 0));
        session.get(&url).await.unwrap().text().await.unwrap();
        session.get(&url).await.unwrap().close();
        assert_eq!(session.connections(), (0, 0));
    });
}

#[test]
fn a_session_that_outlives_its_loop_ends_what_is_idle_in_the_next_one() {
    let server = Server::new(|_| ok("x"));
    let url = server.url("/");
    let session = session(Connector::tcp());
    let clock = ManualClock::new();
    let in_a_loop = |then: Duration, idle: usize| {
        let event_loop = EventLoop::builder().clock(clock.clone()).build().unwrap();
        let (session, url, clock) = (session.clone(), url.clone(), clock.clone());
        let main = async move {
            session.get(&url).await.unwrap().text().await.unwrap();
            clock.advance(then);
            // A turn may do without looking at its timers, but not a hundred.
            for _ in 0..100 {
                yield_now().await;
            }
            assert_eq!(session.connections(), (0, idle));
        };
        event_loop.run_until_complete(main).unwrap();
        event_loop.close().unwrap();
    };
    in_a_loop(Duration::from_secs(14), 1);
    // The timer of the loop that is gone would fire now.
    clock.advance(Duration::from_secs(2));
    in_a_loop(Duration::from_secs(15), 0);
}
