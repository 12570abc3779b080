//! Claims about lookups, on a clock that is moved by hand.

use super::super::timing::Phase;
use super::*;
use crate::event_loop::{EventLoop, ManualClock};
use crate::task::{gather, sleep, spawn, yield_now};

const SECOND: Duration = Duration::from_secs(1);

/// A resolver that takes a second, counts how often it was asked, and fails at first if it is to.
fn resolver(asked: &Rc<Cell<u32>>, fails: bool) -> Option<Resolver> {
    let asked = asked.clone();
    Some(Rc::new(move |host| {
        let asked = asked.clone();
        Box::pin(async move {
            sleep(SECOND).await;
            asked.set(asked.get() + 1);
            match fails && asked.get() == 1 {
                true => Err(io::Error::new(io::ErrorKind::NotFound, format!("no {host}"))),
                false => Ok(vec![IpAddr::from([10, 0, 0, asked.get() as u8])]),
            }
        })
    }))
}

/// Runs this where time passes by itself.
fn run<F: Future<Output = ()> + 'static>(
    fails: bool,
    most: usize,
    main: impl FnOnce(Rc<Names>, Rc<Cell<u32>>) -> F,
) {
    let event_loop = EventLoop::builder().virtual_time(ManualClock::new()).build().unwrap();
    let asked = Rc::default();
    let names = Names::new(10 * SECOND, most, resolver(&asked, fails));
    event_loop.run_until_complete(main(Rc::new(names), asked)).unwrap();
}

async fn find(names: &Rc<Names>, host: &str) -> Result<String, String> {
    let found = names.find(host, 80, &Progress::new(Phase::Lookup)).await;
    found.map(|it| it[0].to_string()).map_err(|error| error.to_string())
}

#[test]
fn what_was_found_is_remembered_for_its_time_and_no_longer() {
    run(false, 9, |names, asked| async move {
        assert_eq!(find(&names, "h").await.unwrap(), "10.0.0.1:80");
        sleep(9 * SECOND).await;
        assert_eq!(find(&names, "h").await.unwrap(), "10.0.0.1:80");
        sleep(SECOND).await;
        assert_eq!(find(&names, "h").await.unwrap(), "10.0.0.2:80");
        assert_eq!(find(&names, "127.0.0.1").await.unwrap(), "127.0.0.1:80");
        assert_eq!(asked.get(), 2);
    });
}

#[test]
fn those_who_ask_at_once_ask_once_and_share_an_error_which_is_then_forgotten() {
    run(true, 9, |names, asked| async move {
        let all = (0..3).map(|_| {
            let names = names.clone();
            spawn(async move { find(&names, "h").await })
        });
        for outcome in gather(all).await.unwrap() {
            assert_eq!(outcome.unwrap(), Err("no h".to_owned()));
        }
        assert_eq!(asked.get(), 1);
        assert_eq!(find(&names, "h").await.unwrap(), "10.0.0.2:80");
    });
}

#[test]
fn a_lookup_that_is_cancelled_is_taken_up_by_who_waits() {
    run(false, 9, |names, asked| async move {
        let (one, other) = (names.clone(), names.clone());
        let first = spawn(async move { find(&one, "h").await });
        let second = spawn(async move { find(&other, "h").await });
        yield_now().await;
        first.cancel();
        assert_eq!(second.await.unwrap().unwrap(), "10.0.0.1:80");
        assert_eq!(asked.get(), 1);
    });
}

#[test]
fn no_more_names_are_remembered_than_allowed() {
    run(false, 2, |names, _| async move {
        for host in ["a", "b", "c", "d"] {
            find(&names, host).await.unwrap();
            assert!(names.hosts.borrow().len() <= 2);
        }
        assert!(names.hosts.borrow().contains_key("d") && names.hosts.borrow().contains_key("c"));
    });
}
