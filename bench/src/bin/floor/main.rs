//! The floor: the least that the same work can cost. Echo and HTTP are a raw epoll loop with no abstraction above it; the
//! micro-benchmarks run on an executor of a few hundred lines. It catches no panic, its tasks know no I/O, its servers
//! stop at the first surprise: a bound to measure against, not a product.

mod epoll;
mod executor;
mod http;
mod sync;
mod task;
mod timers;

use evloop_bench::{Peer, cells, micro::Executor};
use std::{future::Future, io, process::ExitCode, time::Instant};

fn main() -> ExitCode {
    Peer {
        echo_protocol: Some(echo),
        http: Some(|port| epoll::serve(port, http::Http::default())),
        micro: Some(evloop_bench::micro::run::<Floor>),
        ..Peer::default()
    }
    .main()
}

/// Sends back what came, out of the buffer it came in.
struct Echo;

impl epoll::Handler for Echo {
    type State = ();
    fn received<'a>(&'a mut self, _: &mut (), input: &'a [u8]) -> Option<&'a [u8]> {
        Some(input)
    }
}

fn echo(port: u16) -> io::Result<()> {
    epoll::serve(port, Echo)
}

struct Floor;

impl Executor for Floor {
    type Join<T: 'static> = executor::JoinHandle<T>;
    type Sleep = timers::Sleep;
    type Sender<T: 'static> = cells::Sender<T>;
    type Receiver<T: 'static> = cells::Receiver<T>;
    type OneSender<T: Clone + 'static> = sync::OneSender<T>;
    type OneReceiver<T: Clone + 'static> = sync::OneReceiver<T>;
    type First<T: Clone + 'static> = sync::First<T>;

    fn block_on<T: 'static>(root: impl Future<Output = T> + 'static) -> T {
        executor::block_on(root)
    }
    fn spawn<T: 'static>(task: impl Future<Output = T> + 'static) -> executor::JoinHandle<T> {
        executor::spawn(task)
    }
    fn join<T: 'static>(handle: executor::JoinHandle<T>) -> impl Future<Output = T> {
        handle
    }
    fn call_soon(callback: impl FnOnce() + 'static) {
        drop(executor::spawn(async move { callback() }));
    }
    fn yield_now() -> impl Future<Output = ()> {
        executor::Yield::default()
    }
    fn sleep_until(deadline: Instant) -> timers::Sleep {
        timers::Sleep::until(deadline)
    }
    fn channel<T: 'static>() -> (cells::Sender<T>, cells::Receiver<T>) {
        cells::channel()
    }
    fn send<T: 'static>(sender: &cells::Sender<T>, value: T) -> impl Future<Output = ()> {
        sender.send(value)
    }
    fn receive<T: 'static>(receiver: &mut cells::Receiver<T>) -> impl Future<Output = Option<T>> {
        receiver.receive()
    }
    fn oneshot<T: Clone + 'static>() -> (sync::OneSender<T>, sync::OneReceiver<T>) {
        sync::oneshot()
    }
    fn complete<T: Clone + 'static>(sender: sync::OneSender<T>, value: T) {
        sender.complete(value);
    }
    fn completed<T: Clone + 'static>(receiver: sync::OneReceiver<T>) -> impl Future<Output = T> {
        receiver.completed()
    }
    fn first<T: Clone + 'static>() -> sync::First<T> {
        sync::First::default()
    }
    fn put<T: Clone + 'static>(set: &mut sync::First<T>, receiver: sync::OneReceiver<T>) {
        set.put(receiver);
    }
    fn next<T: Clone + 'static>(set: &mut sync::First<T>) -> impl Future<Output = T> {
        set.next()
    }
}
