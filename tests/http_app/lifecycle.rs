//! What an application does when it starts and ends, and in which order.

use std::cell::RefCell;
use std::rc::Rc;

use evloop::EventLoop;
use evloop::web::{AppContext, AppRunner, Application, Request};

use crate::ask::{answers, ask};

type Log = Rc<RefCell<Vec<String>>>;

/// An application that notes what is done, under `name`; what is called `fails` fails.
fn noting(log: &Log, name: &'static str, fails: &'static str) -> Application {
    let mut app = Application::new();
    let note = {
        let log = log.clone();
        move |what: &str| {
            log.borrow_mut().push(format!("{name} {what}"));
            if what == fails { Err(format!("{name} {what} failed")) } else { Ok(()) }
        }
    };
    for (begin, end) in [("ctx 1", "end 1"), ("ctx 2", "end 2")] {
        let note = note.clone();
        app.cleanup_ctx(move |_| {
            let note = note.clone();
            async move {
                evloop::yield_now().await;
                note(begin)?;
                Ok::<_, String>(move || async move { note(end) })
            }
        });
    }
    let (started, shut, cleaned) = (note.clone(), note.clone(), note);
    app.on_startup(move |_| std::future::ready(started("startup")));
    app.on_shutdown(move |_| std::future::ready(shut("shutdown")));
    app.on_cleanup(move |_| std::future::ready(cleaned("cleanup")));
    app
}

/// How the start ended, and what was reported.
fn live(app: Application) -> (Result<(), String>, Vec<String>) {
    let event_loop = EventLoop::new().unwrap();
    let reports: Rc<RefCell<Vec<String>>> = Rc::default();
    let report = reports.clone();
    event_loop.set_exception_handler(Some(move |_: &EventLoop, context: &evloop::ErrorContext| {
        // With EVLOOP_DEBUG it is warned, too.
        if context.warning.is_none() {
            report.borrow_mut().push(context.to_string());
        }
    }));
    let started = event_loop.run_until_complete(async {
        let runner = AppRunner::new(app);
        let started = runner.setup().await.map_err(|error| error.to_string());
        runner.cleanup().await;
        runner.cleanup().await;
        started
    });
    assert!(event_loop.close().unwrap().is_clean());
    event_loop.set_exception_handler(None::<fn(&EventLoop, &evloop::ErrorContext)>);
    (started.unwrap(), reports.take())
}

#[test]
fn contexts_start_first_and_end_in_reverse_and_every_hook_is_called_once() {
    let log = Log::default();
    let mut app = noting(&log, "outer", "");
    app.nest("/inner", noting(&log, "inner", ""));
    assert_eq!(live(app), (Ok(()), Vec::new()));
    let expected = [
        "outer ctx 1",
        "outer ctx 2",
        "inner ctx 1",
        "inner ctx 2",
        "outer startup",
        "inner startup",
        "outer shutdown",
        "inner shutdown",
        "inner end 2",
        "inner end 1",
        "outer end 2",
        "outer end 1",
        "outer cleanup",
        "inner cleanup",
    ];
    assert_eq!(*log.borrow(), expected);
}

#[test]
fn a_start_that_fails_ends_what_was_started_and_nothing_else() {
    let log = Log::default();
    let started = live(noting(&log, "app", "ctx 2"));
    assert_eq!(started, (Err("a hook of cleanup_ctx failed: app ctx 2 failed".into()), Vec::new()));
    assert_eq!(*log.borrow(), ["app ctx 1", "app ctx 2", "app end 1", "app cleanup"]);
    let log = Log::default();
    let started = live(noting(&log, "app", "startup"));
    assert_eq!(
        started,
        (Err("a hook of on_startup failed: app startup failed".into()), Vec::new())
    );
    let expected =
        ["app ctx 1", "app ctx 2", "app startup", "app end 2", "app end 1", "app cleanup"];
    assert_eq!(*log.borrow(), expected);
}

#[test]
fn an_end_that_fails_is_reported_and_the_rest_is_done() {
    for (fails, hook) in
        [("shutdown", "on_shutdown"), ("end 2", "cleanup_ctx"), ("cleanup", "on_cleanup")]
    {
        let log = Log::default();
        let (started, reports) = live(noting(&log, "app", fails));
        assert_eq!((started, reports.len()), (Ok(()), 1));
        assert!(reports[0].contains(hook) && reports[0].contains("failed"), "{reports:?}");
        assert_eq!(log.borrow().len(), 7);
    }
}

fn panics(text: &str) {
    panic!("{text}");
}

#[test]
fn a_hook_that_panics_at_the_end_is_reported_and_the_hooks_after_it_run() {
    let log = Log::default();
    let note = |what: &'static str| {
        let log = log.clone();
        move |_: AppContext| {
            log.borrow_mut().push(what.to_owned());
            std::future::ready(())
        }
    };
    let mut app = Application::new();
    app.on_shutdown(|_| -> std::future::Ready<()> { panic!("in the call") });
    app.on_shutdown(|_| async { panics("in a step") });
    app.on_shutdown(note("shutdown"));
    app.cleanup_ctx(|_| async { Ok::<_, String>(|| async { panics("in a clean-up") }) });
    app.on_cleanup(|_| async { panics("at the very end") });
    app.on_cleanup(note("cleanup"));
    let (started, reports) = live(app);
    assert_eq!((started, reports.len()), (Ok(()), 4));
    let panics = ["in the call", "in a step", "in a clean-up", "at the very end"];
    for (report, panic) in reports.iter().zip(panics) {
        assert!(report.contains(panic), "{report} is not of {panic}");
    }
    assert_eq!(*log.borrow(), ["shutdown", "cleanup"]);
}

#[test]
fn a_start_that_panics_is_an_error_and_what_was_started_is_ended() {
    let log = Log::default();
    let mut app = noting(&log, "app", "");
    app.on_startup(|_| async { panics("no power") });
    let (started, reports) = live(app);
    let why = "a hook of on_startup failed: it panicked: no power";
    assert_eq!((started, reports), (Err(why.into()), Vec::new()));
    assert_eq!(log.borrow().last().map(String::as_str), Some("app cleanup"));
}

#[test]
fn handlers_have_what_a_start_has_put_into_the_context() {
    struct Answer(u32);
    let mut app = Application::new();
    app.with_state(Answer(1));
    app.on_startup(|app: AppContext| async move {
        let before = app.get::<Answer>().expect("given before");
        assert!(app.insert(Answer(before.0 + 41)).is_some());
    });
    app.router()
        .add_get("/", |request: Request| async move { request.state::<Answer>().0.to_string() });
    assert_eq!(answers(app, &[(evloop::web::Method::GET, "/")]), [(200, "42".to_owned())]);
}

#[test]
fn a_runner_is_set_up_once_and_has_sites_only_while_it_is() {
    ask(Application::new(), |client| async move {
        let runner = client.server().runner().clone();
        let twice = runner.setup().await.unwrap_err();
        assert!(twice.to_string().contains("set up already"), "{twice}");
    });
    evloop::run(async {
        let runner = AppRunner::new(Application::new());
        let site = || evloop::web::TcpSite::new(&runner, ("127.0.0.1", 0)).start();
        assert!(site().await.unwrap_err().to_string().contains("await its `setup()`"));
        runner.setup().await.unwrap();
        site().await.unwrap();
        runner.cleanup().await;
        assert!(site().await.unwrap_err().to_string().contains("is over"));
    })
    .unwrap();
}
