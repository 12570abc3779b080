//! Clients that are slow, greedy or silent.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use evloop::web::{Application, BodyError, Request, Response, Timeouts};
use evloop::{EventLoop, ManualClock};

use crate::support::{Client, serve, serve_on};

const LARGE: usize = 256 << 10;

/// `/large` answers 256 KiB, at once or after a wait, and counts; `/count` tells.
fn generous(waits: bool) -> Application {
    let count = Rc::new(Cell::new(0));
    let counted = count.clone();
    let large = move |_: Request| {
        count.set(count.get() + 1);
        async move {
            if waits {
                evloop::yield_now().await;
            }
            Response::text("x".repeat(LARGE))
        }
    };
    let tell = move |_: Request| {
        let count = counted.get().to_string();
        async move { Response::text(count) }
    };
    let mut app = Application::new();
    app.router().add_get("/large", large).add_get("/count", tell);
    app
}

#[test]
fn a_client_that_never_reads_is_answered_no_more_than_fits_the_buffers() {
    for waits in [false, true] {
        const REQUESTS: usize = 200;
        let (count, _) = serve(generous(waits), |address| {
            let mut greedy = Client::connect(address);
            greedy.send(&"GET /large HTTP/1.1\r\nHost: h\r\n\r\n".repeat(REQUESTS));
            greedy.peek();
            // Two answers of another client, so that the server has come to rest on the first.
            let mut other = Client::connect(address);
            let mut count = 0;
            loop {
                let now = other.get("/count").body.parse().unwrap();
                if std::mem::replace(&mut count, now) == now {
                    break;
                }
            }
            for _ in 0..REQUESTS {
                assert_eq!(greedy.reply().body.len(), LARGE);
            }
            let all: usize = other.get("/count").body.parse().unwrap();
            assert_eq!(all, REQUESTS);
            count
        });
        assert!(count < REQUESTS / 2, "{count} of {REQUESTS} were handled for nobody");
    }
}

#[test]
fn a_large_answer_arrives_whole_at_a_client_that_reads_late() {
    let (len, _) = serve(generous(false), |address| {
        let mut client = Client::connect(address);
        client.send("GET /large HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
        // Answered in full to somebody else meanwhile.
        assert_eq!(Client::connect(address).get("/large").body.len(), LARGE);
        let len = client.reply().body.len();
        assert!(client.is_closed());
        len
    });
    assert_eq!(len, LARGE);
}

/// A server on a clock that `GET /later/{seconds}` moves.
fn with_a_clock() -> (EventLoop, Application) {
    let clock = ManualClock::new();
    let event_loop = EventLoop::builder().clock(clock.clone()).build().expect("a loop");
    let later = move |request: Request| {
        let seconds = request.match_info().get("seconds").and_then(|it| it.parse().ok());
        clock.advance(Duration::from_secs(seconds.unwrap_or(0)));
        async { Response::text("later") }
    };
    async fn read(request: Request) -> Result<&'static str, BodyError> {
        request.read().await?;
        Ok("read")
    }
    let mut app = Application::new();
    app.router().add_get("/later/{seconds}", later).add_post("/{read}", read);
    (event_loop, app)
}

fn timeouts() -> (u64, u64, u64) {
    let Timeouts { keep_alive, head, body, .. } = Timeouts::default();
    (keep_alive.as_secs(), head.as_secs(), body.as_secs())
}

#[test]
fn an_idle_connection_is_closed_when_its_time_is_up_and_not_before() {
    let (event_loop, app) = with_a_clock();
    let (keep_alive, ..) = timeouts();
    serve_on(event_loop, app, move |address| {
        let mut idle = Client::connect(address);
        idle.get("/later/0");
        let mut other = Client::connect(address);
        other.get(&format!("/later/{}", keep_alive - 1));
        assert_eq!(idle.get("/later/0").status, 200);
        other.get(&format!("/later/{keep_alive}"));
        assert!(idle.is_closed());
    });
}

#[test]
fn a_head_that_does_not_come_to_its_end_is_408() {
    let (event_loop, app) = with_a_clock();
    let (_, head, _) = timeouts();
    serve_on(event_loop, app, move |address| {
        let mut slow = Client::connect(address);
        slow.send("GET / HTTP/1.1\r\n");
        let mut other = Client::connect(address);
        other.get(&format!("/later/{}", head / 2));
        slow.send("Host: h\r\n");
        other.get("/later/1");
        // A byte now and then buys no time.
        other.get(&format!("/later/{}", head / 2 + 1));
        let reply = slow.reply();
        assert_eq!((reply.status, reply.get("connection")), (408, Some("close")));
        assert!(reply.body.contains("the head"), "{}", reply.body);
        assert!(slow.is_closed());
    });
}

#[test]
fn a_body_that_does_not_come_to_its_end_is_408() {
    let (event_loop, app) = with_a_clock();
    let (.., body) = timeouts();
    serve_on(event_loop, app, move |address| {
        let mut slow = Client::connect(address);
        slow.send("POST /read HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhello");
        Client::connect(address).get(&format!("/later/{}", body - 1));
        Client::connect(address).get("/later/2");
        let reply = slow.reply();
        assert_eq!(reply.status, 408);
        assert!(reply.body.contains("the body"), "{}", reply.body);
    });
}

#[test]
fn the_date_is_of_the_second_of_the_answer_although_the_server_slept() {
    let (event_loop, app) = with_a_clock();
    let (dates, _) = serve_on(event_loop, app, |address| {
        let mut client = Client::connect(address);
        ["/later/0", "/later/30", "/later/0"].map(|path| {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
            let reply = client.get(path);
            (now.as_secs(), reply.get("date").unwrap().to_owned())
        })
    });
    for (second, date) in dates {
        let near = [second, second + 1].map(|it| evloop::http::date::imf_fixdate(it).to_vec());
        assert!(near.contains(&date.clone().into_bytes()), "{date} in second {second}");
    }
}
