//! The kernel half of an event loop: asking which descriptors are ready, and waiting for that.
//!
//! This is what `EventLoop` stands on, used by hand: epoll on Linux, kqueue on macOS and the BSDs.

use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use evloop::selector::{Event, Interest, Selector, Token, default_selector};

/// One question to the kernel.
fn select(selector: &mut dyn Selector, timeout: Option<Duration>) -> io::Result<Vec<Event>> {
    let mut events = Vec::new();
    selector.select(timeout, &mut events)?;
    Ok(events)
}

fn describe(events: &[Event]) -> String {
    let words = events.iter().map(|event| format!("{:?} is {:?}", event.token, event.readiness));
    let words: Vec<String> = words.collect();
    if words.is_empty() { "nothing".into() } else { words.join(", ") }
}

fn main() -> io::Result<()> {
    let (mut near, mut far) = UnixStream::pair()?;
    let mut selector = default_selector()?;
    let now = Some(Duration::ZERO);

    // The token is our name for the registration: slot 7, used for the first time.
    selector.register(near.as_raw_fd(), Interest::READ, Token::new(7, 1))?;
    println!("before a byte: {}", describe(&select(&mut *selector, now)?));

    far.write_all(b"hi")?;
    println!("after a write: {}", describe(&select(&mut *selector, now)?));
    // Level-triggered: the kernel says so again until the bytes are read.
    println!("asked again: {}", describe(&select(&mut *selector, now)?));

    let mut bytes = [0; 16];
    let count = near.read(&mut bytes)?;
    println!("read {count} bytes, then: {}", describe(&select(&mut *selector, now)?));

    // Anything may be written at first: the kernel's buffer is empty.
    selector.modify(near.as_raw_fd(), Interest::BOTH, Token::new(7, 1))?;
    println!("both ways: {}", describe(&select(&mut *selector, now)?));
    selector.unregister(near.as_raw_fd())?;

    // Another thread ends a wait without end, by ringing a bell that is a descriptor too.
    let bell = selector.bell();
    let other = thread::spawn(move || bell.ring());
    println!("waiting for the bell: {}", describe(&select(&mut *selector, None)?));
    other.join().expect("ringing does not panic");
    Ok(())
}
