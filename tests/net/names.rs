//! Names and addresses. (DNS)

#[cfg(feature = "testing")]
use std::io::ErrorKind;
use std::net::SocketAddr;

use evloop::{EventLoop, NameFlags};

use crate::support::on_loop;

fn addr(address: &str) -> SocketAddr {
    address.parse().unwrap()
}

#[test]
fn dns_01_localhost_is_looked_up_as_the_system_has_it() {
    on_loop(|event_loop| async move {
        let found = event_loop.getaddrinfo("localhost", 7).await.unwrap();
        assert!(!found.is_empty());
        assert!(found.iter().all(|found| found.ip().is_loopback() && found.port() == 7));
    });
}

#[test]
fn digits_are_answered_in_the_same_turn() {
    on_loop(|event_loop| async move {
        let turns = event_loop.counters().turns;
        let found = event_loop.getaddrinfo("2001:db8::1", 443).await.unwrap();
        assert_eq!(found, [addr("[2001:db8::1]:443")]);
        let names = event_loop.getnameinfo(addr("192.0.2.7:80"), NameFlags::DIGITS).await;
        assert_eq!(names.unwrap(), ("192.0.2.7".into(), "80".into()));
        assert_eq!(event_loop.counters().turns, turns);
    });
}

#[test]
fn dns_01_what_an_address_is_called_is_what_the_system_says() {
    on_loop(|event_loop| async move {
        let digits = NameFlags { numeric_host: true, ..NameFlags::default() };
        let (host, service) = event_loop.getnameinfo(addr("127.0.0.1:9"), digits).await.unwrap();
        assert_eq!(host, "127.0.0.1");
        // /etc/services may be missing; then it is the digits.
        assert!(["discard", "9"].contains(&service.as_str()), "{service}");
    });
}

#[test]
fn a_name_that_cannot_be_looked_up_is_in_the_error() {
    on_loop(|event_loop| async move {
        let error = event_loop.getaddrinfo("no\0name", 80).await.unwrap_err();
        assert!(error.to_string().contains("no\\0name"), "{error}");
    });
}

#[test]
fn a_lookup_that_nobody_waits_for_does_not_keep_the_loop() {
    let event_loop = EventLoop::new().unwrap();
    // One that is over before it can be cut off is looked up again.
    let cut_off = (0..100).any(|_| {
        let lookup = event_loop.getaddrinfo("localhost", 80);
        let waited = event_loop.run_until_complete(async move {
            let waiting = evloop::spawn(lookup);
            evloop::yield_now().await;
            waiting.cancel();
            waiting.await
        });
        waited.unwrap().is_err_and(|error| error.is_cancelled())
    });
    assert!(cut_off, "a hundred lookups, and each was over within a turn");
    event_loop.close().unwrap();
}

#[cfg(feature = "testing")]
#[test]
fn a_simulation_knows_the_names_it_was_told_and_refuses_the_others() {
    use evloop::testing::{Schedule, check};
    check(Schedule::default(), |world| async move {
        world.host("db.example", "10.0.0.5".parse().unwrap());
        let event_loop = evloop::get_running_loop().unwrap();
        let found = event_loop.getaddrinfo("db.example", 5).await.unwrap();
        assert_eq!(found, [addr("10.0.0.5:5")]);
        let any = NameFlags::default();
        let names = event_loop.getnameinfo(addr("10.0.0.5:5"), any).await.unwrap();
        assert_eq!(names, ("db.example".into(), "5".into()));
        let error = event_loop.getaddrinfo("example.org", 5).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.to_string().contains("World::host(\"example.org\""), "{error}");
        let error = event_loop.getnameinfo(addr("10.0.0.6:5"), any).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.to_string().contains("World::host(name, 10.0.0.6)"), "{error}");
    })
    .unwrap();
}
