//! tokio, current_thread.

use evloop_bench::{Peer, micro::Executor, sys};
use futures_util::{FutureExt, StreamExt, future::Map, stream::FuturesUnordered};
use std::{future::Future, io, process::ExitCode, time::Instant};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime::{Builder, Runtime},
    sync::{mpsc, oneshot},
    task::{self, JoinHandle, LocalSet},
    time::Sleep,
};

fn main() -> ExitCode {
    Peer {
        echo_streams: Some(echo),
        micro: Some(evloop_bench::micro::run::<Tokio>),
        ..Peer::default()
    }
    .main()
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("tokio starts")
}

fn echo(port: u16) -> io::Result<()> {
    runtime().block_on(async {
        let listener = TcpListener::from_std(sys::listener(port)?)?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(serve(stream));
        }
    })
}

/// Ends at the peer's end, or at an error, which only means that the peer has gone.
async fn serve(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        match stream.read(&mut buffer).await? {
            0 => return Ok(()),
            n => stream.write_all(&buffer[..n]).await?,
        }
    }
}

/// The local tasks of a `LocalSet`; those of a `LocalRuntime` take some more instructions to spawn and some fewer to yield.
struct Tokio;

type Answer<T> = Map<oneshot::Receiver<T>, fn(Result<T, oneshot::error::RecvError>) -> T>;

impl Executor for Tokio {
    type Join<T: 'static> = JoinHandle<T>;
    type Sleep = Sleep;
    type Sender<T: 'static> = mpsc::Sender<T>;
    type Receiver<T: 'static> = mpsc::Receiver<T>;
    type OneSender<T: Clone + 'static> = oneshot::Sender<T>;
    type OneReceiver<T: Clone + 'static> = oneshot::Receiver<T>;
    type First<T: Clone + 'static> = FuturesUnordered<Answer<T>>;

    fn block_on<T: 'static>(root: impl Future<Output = T> + 'static) -> T {
        let root = async { task::spawn_local(root).await.expect("the root task does not panic") };
        LocalSet::new().block_on(&runtime(), root)
    }
    fn spawn<T: 'static>(task: impl Future<Output = T> + 'static) -> JoinHandle<T> {
        task::spawn_local(task)
    }
    async fn join<T: 'static>(handle: JoinHandle<T>) -> T {
        handle.await.expect("no task is cancelled or panics")
    }
    fn call_soon(callback: impl FnOnce() + 'static) {
        task::spawn_local(async move { callback() });
    }
    fn yield_now() -> impl Future<Output = ()> {
        task::yield_now()
    }
    fn sleep_until(deadline: Instant) -> Sleep {
        tokio::time::sleep_until(deadline.into())
    }
    fn unthrottled<T>(future: impl Future<Output = T>) -> impl Future<Output = T> {
        task::coop::unconstrained(future)
    }
    fn channel<T: 'static>() -> (mpsc::Sender<T>, mpsc::Receiver<T>) {
        mpsc::channel(1)
    }
    async fn send<T: 'static>(sender: &mpsc::Sender<T>, value: T) {
        let _ = sender.send(value).await;
    }
    fn receive<T: 'static>(receiver: &mut mpsc::Receiver<T>) -> impl Future<Output = Option<T>> {
        receiver.recv()
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
