//! smol: a `LocalExecutor` under `block_on`, with the reactor thread that comes with it.

use evloop_bench::{Peer, micro::Executor, sys};
use futures_channel::oneshot;
use futures_util::{FutureExt, StreamExt, future::Map, stream::FuturesUnordered};
use smol::{
    Async, LocalExecutor, Task, Timer, channel,
    io::{AsyncReadExt, AsyncWriteExt},
};
use std::{
    future::Future, io, net::TcpStream, pin::Pin, process::ExitCode, task::Context, task::Poll,
    time::Instant,
};

fn main() -> ExitCode {
    Peer {
        echo_streams: Some(echo),
        micro: Some(evloop_bench::micro::run::<Smol>),
        ..Peer::default()
    }
    .main()
}

fn echo(port: u16) -> io::Result<()> {
    let tasks = LocalExecutor::new();
    smol::block_on(tasks.run(async {
        let listener = Async::new(sys::listener(port)?)?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.get_ref().set_nodelay(true)?;
            tasks.spawn(serve(stream)).detach();
        }
    }))
}

/// Ends at the peer's end, or at an error, which only means that the peer has gone.
async fn serve(mut stream: Async<TcpStream>) -> io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        match stream.read(&mut buffer).await? {
            0 => return Ok(()),
            n => stream.write_all(&buffer[..n]).await?,
        }
    }
}

thread_local! {
    /// Leaked, so that a task may start another without a reference count.
    static TASKS: &'static LocalExecutor<'static> = Box::leak(Box::default());
}

struct Smol;

/// smol's timer without the instant that it yields.
struct Sleep(Timer);

impl Future for Sleep {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.poll_unpin(cx).map(drop)
    }
}

type Answer<T> = Map<oneshot::Receiver<T>, fn(Result<T, oneshot::Canceled>) -> T>;

impl Executor for Smol {
    type Join<T: 'static> = Task<T>;
    type Sleep = Sleep;
    type Sender<T: 'static> = channel::Sender<T>;
    type Receiver<T: 'static> = channel::Receiver<T>;
    type OneSender<T: Clone + 'static> = oneshot::Sender<T>;
    type OneReceiver<T: Clone + 'static> = oneshot::Receiver<T>;
    type First<T: Clone + 'static> = FuturesUnordered<Answer<T>>;

    fn block_on<T: 'static>(root: impl Future<Output = T> + 'static) -> T {
        smol::block_on(TASKS.with(|tasks| tasks.run(tasks.spawn(root))))
    }
    fn spawn<T: 'static>(task: impl Future<Output = T> + 'static) -> Task<T> {
        TASKS.with(|tasks| tasks.spawn(task))
    }
    fn join<T: 'static>(handle: Task<T>) -> impl Future<Output = T> {
        handle
    }
    fn call_soon(callback: impl FnOnce() + 'static) {
        TASKS.with(|tasks| tasks.spawn(async move { callback() }).detach());
    }
    fn yield_now() -> impl Future<Output = ()> {
        smol::future::yield_now()
    }
    fn sleep_until(deadline: Instant) -> Sleep {
        Sleep(Timer::at(deadline))
    }
    fn channel<T: 'static>() -> (channel::Sender<T>, channel::Receiver<T>) {
        channel::bounded(1)
    }
    async fn send<T: 'static>(sender: &channel::Sender<T>, value: T) {
        let _ = sender.send(value).await;
    }
    async fn receive<T: 'static>(receiver: &mut channel::Receiver<T>) -> Option<T> {
        receiver.recv().await.ok()
    }
    fn oneshot<T: Clone + 'static>() -> (oneshot::Sender<T>, oneshot::Receiver<T>) {
        oneshot::channel()
    }
    fn complete<T: Clone + 'static>(sender: oneshot::Sender<T>, value: T) {
        let _ = sender.send(value);
    }
    async fn completed<T: Clone + 'static>(receiver: oneshot::Receiver<T>) -> T {
        receiver.await.expect("no sender is dropped")
    }
    fn first<T: Clone + 'static>() -> FuturesUnordered<Answer<T>> {
        FuturesUnordered::new()
    }
    fn put<T: Clone + 'static>(
        set: &mut FuturesUnordered<Answer<T>>,
        receiver: oneshot::Receiver<T>,
    ) {
        set.push(receiver.map(|value| value.expect("no sender is dropped")));
    }
    async fn next<T: Clone + 'static>(set: &mut FuturesUnordered<Answer<T>>) -> T {
        set.next().await.expect("the set is not empty")
    }
}
