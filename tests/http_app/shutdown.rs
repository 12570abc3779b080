//! How an application ends while requests are under way: aiohttp's order, and its two deadlines.

use std::cell::{Cell, RefCell};
use std::future::{Ready, ready};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::rc::Rc;
use std::time::Duration;

use evloop::EventLoop;
use evloop::web::{AppContext, AppRunner, Application, Request, TcpSite};

use crate::ask::PATIENCE;

const HOUR: Duration = Duration::from_secs(3600);

type Log = Rc<RefCell<Vec<&'static str>>>;

/// A runner whose application notes what happens, with one request under way.
struct Scene {
    event_loop: EventLoop,
    runner: AppRunner,
    client: TcpStream,
    log: Log,
}

fn scene(mut app: Application, log: &Log) -> Scene {
    let event_loop = EventLoop::new().expect("a loop");
    let begun = Rc::new(Cell::new(false));
    let began = begun.clone();
    app.on_shutdown(noting(log, "on_shutdown")).on_cleanup(noting(log, "on_cleanup"));
    app.on_response_prepare(|_, _| ());
    app.middleware(move |request: Request, next: evloop::web::Next| {
        began.set(true);
        next.run(request)
    });
    let runner = AppRunner::new(app);
    let starting = runner.clone();
    let site = event_loop.run_until_complete(async move {
        starting.setup().await?;
        TcpSite::new(&starting, ("127.0.0.1", 0)).start().await
    });
    let address = site.expect("a run").expect("a site").address().expect("an address");
    let mut client = TcpStream::connect(address).expect("it listens");
    client.set_read_timeout(Some(PATIENCE)).expect("an option");
    client.write_all(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").expect("it reads");
    while !begun.get() {
        event_loop.run_once(None).expect("a turn");
    }
    Scene { event_loop, runner, client, log: log.clone() }
}

fn noting(log: &Log, what: &'static str) -> impl Fn(AppContext) -> Ready<()> + 'static {
    let log = log.clone();
    move |_| {
        log.borrow_mut().push(what);
        ready(())
    }
}

impl Scene {
    fn clean_up(&self, timeout: Duration) {
        let runner = self.runner.clone();
        runner.shutdown_timeout(timeout);
        let run = self.event_loop.run_until_complete(async move { runner.cleanup().await });
        run.expect("a run");
    }

    fn ends(self) -> (Vec<&'static str>, TcpStream) {
        assert!(self.event_loop.close().expect("not running").is_clean());
        (self.log.take(), self.client)
    }
}

/// What the server has said before it closed.
fn all(client: &mut TcpStream) -> String {
    let mut text = String::new();
    client.read_to_string(&mut text).expect("text, and an end");
    text
}

#[test]
fn on_shutdown_comes_before_the_answers_and_on_cleanup_after_the_last() {
    let log = Log::default();
    let released = evloop::Event::new();
    let (release, inside, mut app) = (released.clone(), log.clone(), Application::new());
    app.router().add_get("/", move |_| {
        let (released, log) = (released.clone(), inside.clone());
        async move {
            released.wait().await;
            log.borrow_mut().push("answer");
            "at last"
        }
    });
    app.on_shutdown(move |_| {
        release.set();
        ready(())
    });
    let scene = scene(app, &log);
    scene.clean_up(HOUR);
    let (log, mut client) = scene.ends();
    assert_eq!(log, ["on_shutdown", "answer", "on_cleanup"]);
    let text = all(&mut client);
    assert!(text.ends_with("at last") && text.contains("connection: close"), "{text}");
}

#[test]
fn after_the_first_deadline_a_handler_is_asked_to_end_and_may_still_answer() {
    let log = Log::default();
    let (inside, mut app) = (log.clone(), Application::new());
    app.router().add_get("/", move |_| {
        let log = inside.clone();
        async move {
            let cancelled = evloop::cancel_scope(std::future::pending::<()>()).await;
            assert!(cancelled.is_err());
            log.borrow_mut().push("asked to end");
            evloop::yield_now().await;
            "the last word"
        }
    });
    let scene = scene(app, &log);
    scene.clean_up(Duration::from_millis(1));
    let (log, mut client) = scene.ends();
    assert_eq!(log, ["on_shutdown", "asked to end", "on_cleanup"]);
    assert!(all(&mut client).ends_with("the last word"));
}

#[test]
fn a_handler_that_hears_of_no_end_is_dropped_before_the_clean_up() {
    let log = Log::default();
    let (inside, mut app) = (log.clone(), Application::new());
    app.router().add_get("/", move |_| {
        struct Note(Log);
        impl Drop for Note {
            fn drop(&mut self) {
                self.0.borrow_mut().push("dropped");
            }
        }
        let note = Note(inside.clone());
        async move {
            std::future::pending::<()>().await;
            drop(note);
            ""
        }
    });
    let scene = scene(app, &log);
    scene.clean_up(Duration::from_millis(1));
    let (log, _) = scene.ends();
    assert_eq!(log, ["on_shutdown", "dropped", "on_cleanup"]);
}

#[test]
fn a_handler_that_will_not_end_is_left_behind_after_the_second_deadline() {
    let log = Log::default();
    let (inside, mut app) = (log.clone(), Application::new());
    app.router().add_get("/", move |_| {
        let log = inside.clone();
        async move {
            loop {
                let _ = evloop::cancel_scope(std::future::pending::<()>()).await;
                log.borrow_mut().push("not yet");
            }
            #[expect(unreachable_code, reason = "it never answers")]
            ""
        }
    });
    let scene = scene(app, &log);
    scene.clean_up(Duration::from_millis(1));
    assert_eq!(*scene.log.borrow(), ["on_shutdown", "not yet", "on_cleanup"]);
    assert_eq!(scene.runner.connections(), 0);
    let report = scene.event_loop.close().unwrap();
    assert_eq!(report.residents.len(), 1, "the handler's task: {report:?}");
}
