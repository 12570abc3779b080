//! Callbacks, timers, descriptors, signals, and the runs of a loop.

use std::cell::RefCell;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use evloop::{ErrorContext, EventLoop, Handle, TimerHandle, signal};
use nix::sys::signal::{Signal, raise};

use crate::log::Log;

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn new_loop() -> EventLoop {
    EventLoop::new().unwrap()
}

/// Has the run end at the end of the turn in which this comes.
fn stop(event_loop: &EventLoop) -> impl Fn() + 'static {
    let event_loop = event_loop.clone();
    move || event_loop.stop()
}

fn soon(event_loop: &EventLoop, callback: impl FnOnce() + 'static) -> Handle {
    event_loop.call_soon(callback).unwrap()
}

fn run(event_loop: &EventLoop) {
    event_loop.run_forever().unwrap();
}

pub fn call_soon_order(log: &Log) {
    let event_loop = new_loop();
    let (inner, first, queued) =
        (event_loop.clone(), log.note("first"), log.note("queued by first"));
    soon(&event_loop, move || {
        first();
        soon(&inner, queued);
    });
    soon(&event_loop, log.note("second"));
    soon(&event_loop, log.note("third"));
    let inner = event_loop.clone();
    soon(&event_loop, move || drop(soon(&inner, stop(&inner))));
    run(&event_loop);
    event_loop.close().unwrap();
}

pub fn call_soon_cancel(log: &Log) {
    let event_loop = new_loop();
    let early = soon(&event_loop, log.note("early"));
    early.cancel();
    let late = Rc::new(RefCell::new(None::<Handle>));
    let victim = late.clone();
    soon(&event_loop, move || victim.borrow().as_ref().unwrap().cancel());
    late.replace(Some(soon(&event_loop, log.note("late"))));
    soon(&event_loop, log.note("last"));
    soon(&event_loop, stop(&event_loop));
    run(&event_loop);
    say!(log, early.cancelled(), late.borrow().as_ref().unwrap().cancelled());
}

pub fn call_soon_before_timers(log: &Log) {
    let event_loop = new_loop();
    event_loop.call_later(Duration::ZERO, log.note("timer of no time")).unwrap();
    // A `Duration` is never negative; a deadline may have passed.
    let past = evloop::Time::ZERO;
    event_loop.call_at(past, log.note("timer of the past")).unwrap();
    soon(&event_loop, log.note("soon"));
    event_loop.call_later(ms(10), stop(&event_loop)).unwrap();
    run(&event_loop);
}

pub fn timers_by_deadline(log: &Log) {
    let event_loop = new_loop();
    let base = event_loop.time();
    for delay in [4, 2, 5, 1, 3] {
        event_loop.call_at(base + ms(delay), log.note(delay)).unwrap();
    }
    event_loop.call_at(base + ms(20), stop(&event_loop)).unwrap();
    run(&event_loop);
}

pub fn timer_ties(log: &Log) {
    let event_loop = new_loop();
    let when = event_loop.time() + ms(5);
    for number in 0..6 {
        event_loop.call_at(when, log.note(number)).unwrap();
    }
    event_loop.call_at(when + ms(10), stop(&event_loop)).unwrap();
    run(&event_loop);
}

pub fn timer_cancel(log: &Log) {
    let event_loop = new_loop();
    let base = event_loop.time();
    let early = event_loop.call_at(base + ms(1), log.note("early")).unwrap();
    early.cancel();
    let late = Rc::new(RefCell::new(None::<TimerHandle>));
    let victim = late.clone();
    let cancel = move || victim.borrow().as_ref().unwrap().cancel();
    event_loop.call_at(base + ms(2), cancel).unwrap();
    late.replace(Some(event_loop.call_at(base + ms(3), log.note("late")).unwrap()));
    event_loop.call_at(base + ms(10), stop(&event_loop)).unwrap();
    run(&event_loop);
    let late = late.take().unwrap();
    say!(log, early.cancelled(), late.cancelled(), early.when() == base + ms(1));
}

pub fn stop_ends_the_turn(log: &Log) {
    let event_loop = new_loop();
    let (inner, stops, after) =
        (event_loop.clone(), log.note("stops"), log.note("queued after stop"));
    soon(&event_loop, move || {
        stops();
        inner.stop();
        soon(&inner, after);
    });
    soon(&event_loop, log.note("in the same turn"));
    run(&event_loop);
    say!(log, "between runs", event_loop.is_running(), event_loop.is_closed());
    soon(&event_loop, stop(&event_loop));
    run(&event_loop);
    event_loop.close().unwrap();
    say!(log, event_loop.is_closed());
}

pub fn stop_before_run(log: &Log) {
    let event_loop = new_loop();
    let (inner, second) = (event_loop.clone(), log.note("in the second turn"));
    soon(&event_loop, move || drop(soon(&inner, second)));
    soon(&event_loop, log.note("in the first turn"));
    event_loop.stop();
    run(&event_loop);
    log.say("ended");
    event_loop.stop();
    run(&event_loop);
}

pub fn callback_that_fails(log: &Log) {
    let event_loop = new_loop();
    let told = log.clone();
    event_loop.set_exception_handler(Some(move |_: &EventLoop, context: &ErrorContext| {
        let what = context.message.split(" callback").next().unwrap();
        let exception = context.exception.as_ref().unwrap().to_string();
        say!(told, "handler:", what, "-", exception);
    }));
    soon(&event_loop, log.note("before"));
    soon(&event_loop, || panic!("as asked"));
    soon(&event_loop, log.note("after"));
    soon(&event_loop, stop(&event_loop));
    run(&event_loop);
}

pub fn calls_on_a_closed_loop(log: &Log) {
    let event_loop = new_loop();
    event_loop.close().unwrap();
    event_loop.close().unwrap();
    say!(log, event_loop.call_soon(|| ()).err().unwrap());
    say!(log, event_loop.call_later(ms(1000), || ()).err().unwrap());
    say!(log, event_loop.handle().call_soon_threadsafe(|| ()).err().unwrap());
    say!(log, event_loop.run_forever().err().unwrap());
}

pub fn run_inside_a_run(log: &Log) {
    let event_loop = new_loop();
    let (inner, told) = (event_loop.clone(), log.clone());
    soon(&event_loop, move || {
        let refused = inner.run_forever().err().unwrap().to_string();
        say!(told, &refused[..34]);
        if inner.close().is_err() {
            told.say("cannot be closed");
        }
        soon(&inner, told.note("still runs"));
        soon(&inner, stop(&inner));
    });
    run(&event_loop);
}

pub fn threadsafe_order(log: &Log) {
    let event_loop = new_loop();
    let (handle, (send, said)) = (event_loop.handle(), std::sync::mpsc::channel());
    let other = thread::spawn(move || {
        for line in ["a from the thread", "b from the thread"] {
            let send = send.clone();
            handle.call_soon_threadsafe(move || send.send(line).unwrap()).unwrap();
        }
    });
    other.join().unwrap();
    // The log stays on the loop's thread: what has come by now is said first.
    let told = log.clone();
    soon(&event_loop, move || {
        said.try_iter().for_each(|line| told.say(line));
        told.say("c from the loop");
        said.iter().for_each(|line| told.say(line));
    });
    soon(&event_loop, stop(&event_loop));
    run(&event_loop);
}

pub fn reader_before_writer(log: &Log) {
    let event_loop = new_loop();
    let (mut ours, mut theirs) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    theirs.write_all(b"x").unwrap();
    let (writable, inner, told) = (ours.try_clone().unwrap(), event_loop.clone(), log.clone());
    let fd = std::os::fd::AsRawFd::as_raw_fd(&ours);
    let write = move || {
        told.say("write");
        let removed = [inner.remove_writer(fd), inner.remove_writer(fd), inner.remove_reader(fd)];
        let [one, two, three] = removed.map(|removed| removed.unwrap());
        say!(told, one, two, three);
        inner.stop();
    };
    event_loop.add_writer(fd, write).unwrap();
    let told = log.clone();
    let read = move || say!(told, "read", ours.read(&mut [0; 10]).unwrap());
    event_loop.add_reader(fd, read).unwrap();
    soon(&event_loop, log.note("soon"));
    run(&event_loop);
    drop((writable, theirs));
}

pub fn reader_that_removes_another(log: &Log) {
    let event_loop = new_loop();
    let mut pairs = [(); 2].map(|()| UnixStream::pair().unwrap());
    for (_, theirs) in &mut pairs {
        theirs.write_all(b"x").unwrap();
    }
    let fds = [0, 1].map(|index: usize| std::os::fd::AsRawFd::as_raw_fd(&pairs[index].0));
    for mine in [0, 1] {
        let (inner, told) = (event_loop.clone(), log.clone());
        let reader = move || {
            let was = inner.remove_reader(fds[1 - mine]).unwrap();
            say!(told, "read; the other was watched:", was);
            inner.remove_reader(fds[mine]).unwrap();
        };
        event_loop.add_reader(fds[mine], reader).unwrap();
    }
    event_loop.call_later(ms(10), stop(&event_loop)).unwrap();
    run(&event_loop);
}

pub fn signal_handler(log: &Log) {
    let event_loop = new_loop();
    let (inner, told) = (event_loop.clone(), log.clone());
    let handler = move || {
        told.say("handled");
        soon(&inner, stop(&inner));
    };
    event_loop.add_signal_handler(signal::SIGUSR1, handler).unwrap();
    soon(&event_loop, || raise(Signal::SIGUSR1).unwrap());
    soon(&event_loop, log.note("in the same turn"));
    run(&event_loop);
    let remove = || event_loop.remove_signal_handler(signal::SIGUSR1);
    say!(log, remove(), remove());
}
