//! Programs to be told of. Where a line moves, the golden files change with it.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use evloop::{EventLoop, ManualClock, get_running_loop, sleep, yield_now};

const MS: Duration = Duration::from_millis(1);

fn run(event_loop: &EventLoop) {
    event_loop.run_forever().expect("the loop runs");
}

/// A callback that queues another, which stops the loop; a third is cancelled.
pub fn callbacks(event_loop: &EventLoop, _: &ManualClock) {
    let outer = event_loop.clone();
    let queues = move || {
        let inner = outer.clone();
        outer.call_soon(move || inner.stop()).expect("the loop is open");
    };
    event_loop.call_soon(queues).expect("the loop is open");
    event_loop.call_soon(|| {}).expect("the loop is open").cancel();
    run(event_loop);
    event_loop.close().expect("the loop is idle");
}

/// Timers armed out of order; one of them works for 140 ms, and the next is late for it.
pub fn timers(event_loop: &EventLoop, clock: &ManualClock) {
    let (clock, stopper) = (clock.clone(), event_loop.clone());
    event_loop.call_later(20 * MS, move || stopper.stop()).expect("the loop is open");
    event_loop.call_later(10 * MS, move || clock.advance(140 * MS)).expect("the loop is open");
    event_loop.call_later(15 * MS, || {}).expect("the loop is open").cancel();
    run(event_loop);
}

/// A task that awaits another, which sleeps; and one that is left pending.
pub fn tasks(event_loop: &EventLoop, _: &ManualClock) {
    let main = async {
        let event_loop = get_running_loop().expect("a task runs in a loop");
        let napper = event_loop.create_task(async {
            sleep(2 * MS).await;
            yield_now().await;
            7
        });
        napper.set_name("napper");
        assert_eq!(napper.await.expect("it ends well"), 7);
        event_loop.create_task(sleep(60_000 * MS)).set_name("forgotten");
        yield_now().await;
    };
    event_loop.run_until_complete(main).expect("it runs to its end");
    event_loop.close().expect("the loop is idle");
}

/// A task that is cancelled, and a callback that panics.
pub fn endings(event_loop: &EventLoop, _: &ManualClock) {
    event_loop.set_exception_handler(Some(|_: &EventLoop, _: &evloop::ErrorContext| ()));
    let sleeper = event_loop.create_task(sleep(60_000 * MS));
    let stopper = event_loop.clone();
    event_loop.call_later(MS, move || assert!(sleeper.cancel())).expect("the loop is open");
    let panics = || std::panic::resume_unwind(Box::new("enough"));
    event_loop.call_later(2 * MS, panics).expect("the loop is open");
    event_loop.call_later(3 * MS, move || stopper.stop()).expect("the loop is open");
    run(event_loop);
}

/// A descriptor that is readable at once, so that no real wait is told of.
pub fn descriptors(event_loop: &EventLoop, _: &ManualClock) {
    let (mut ours, theirs) = UnixStream::pair().expect("the kernel has sockets");
    ours.write_all(b"x").expect("there is room for a byte");
    let inner = event_loop.clone();
    let fd = std::os::fd::AsRawFd::as_raw_fd(&theirs);
    let reads = move || {
        inner.remove_reader(fd).expect("it was watched");
        inner.stop();
    };
    event_loop.add_reader(fd, reads).expect("a socket can be watched");
    event_loop.run_once(Some(Duration::ZERO)).expect("the loop runs");
    event_loop.run_once(Some(Duration::ZERO)).expect("the loop runs");
    event_loop.close().expect("the loop is idle");
}

/// A call from another thread, which has ended before the loop begins.
pub fn threads(event_loop: &EventLoop, _: &ManualClock) {
    let remote = event_loop.handle();
    let send = move || {
        remote.call_soon_threadsafe(|| ()).expect("the loop is open");
        remote.stop().expect("the loop is open");
    };
    std::thread::spawn(send).join().expect("the thread ends well");
    run(event_loop);
}

/// A task that yields and yields.
pub fn restless(event_loop: &EventLoop, _: &ManualClock) {
    let spin = async {
        for _ in 0..101 {
            yield_now().await;
        }
    };
    event_loop.run_until_complete(spin).expect("it runs to its end");
}
