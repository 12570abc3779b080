//! evloop itself.

use evloop::{EventLoop, LoopFuture, Protocol, StreamReader, StreamWriter, Task, Time, Transport};
use evloop_bench::{Peer, micro::Executor};
use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    future::{Future, poll_fn},
    io,
    process::ExitCode,
    rc::Rc,
    task::{Poll, Waker},
    time::Instant,
};

fn main() -> ExitCode {
    Peer {
        echo_protocol: Some(echo_protocol),
        echo_streams: Some(echo_streams),
        micro: Some(evloop_bench::micro::run::<Evloop>),
        ..Peer::default()
    }
    .main()
}

/// How many connections the kernel may queue.
const BACKLOG: i32 = 4096;

fn new_loop() -> EventLoop {
    EventLoop::new().expect("evloop starts")
}

struct Echo;

impl Protocol for Echo {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) {
        let _ = transport.write(data);
    }
}

fn echo_protocol(port: u16) -> io::Result<()> {
    let event_loop = new_loop();
    let server = event_loop.create_server(|| Echo, ("127.0.0.1", port)).backlog(BACKLOG);
    event_loop.run_until_complete(server)??;
    event_loop.run_forever()?;
    Ok(())
}

fn echo_streams(port: u16) -> io::Result<()> {
    let event_loop = new_loop();
    let server = evloop::start_server(serve, ("127.0.0.1", port)).backlog(BACKLOG);
    event_loop.run_until_complete(server)??;
    event_loop.run_forever()?;
    Ok(())
}

async fn serve(mut reader: StreamReader, mut writer: StreamWriter) -> io::Result<()> {
    loop {
        let data = reader.read(16 * 1024).await?;
        if data.is_empty() {
            return Ok(());
        }
        writer.write(&data)?;
        writer.drain().await?;
    }
}

struct Evloop;

thread_local! {
    /// The loop's clock and the system's, read at the same moment.
    static EPOCH: Cell<Option<(Time, Instant)>> = const { Cell::new(None) };
}

/// A channel for one value, as a queue of one and whoever waits at either end.
struct Channel<T> {
    place: Cell<Option<T>>,
    room: Cell<Option<Waker>>,
    value: Cell<Option<Waker>>,
    closed: Cell<bool>,
}

struct Sender<T>(Rc<Channel<T>>);

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.0.closed.set(true);
        wake(&self.0.value);
    }
}

fn wake(waiter: &Cell<Option<Waker>>) {
    if let Some(waker) = waiter.take() {
        waker.wake();
    }
}

/// Oneshots, and those of them that are done.
struct First<T> {
    done: Rc<RefCell<VecDeque<LoopFuture<T>>>>,
    waiter: Rc<Cell<Option<Waker>>>,
}

/// What a oneshot's value is wrapped in: a `LoopFuture` hands out clones.
type One<T> = Rc<Cell<Option<T>>>;

impl Executor for Evloop {
    type Join<T: 'static> = Task<T>;
    type Sleep = evloop::Sleep;
    type Sender<T: 'static> = Sender<T>;
    type Receiver<T: 'static> = Rc<Channel<T>>;
    type OneSender<T: 'static> = LoopFuture<One<T>>;
    type OneReceiver<T: 'static> = LoopFuture<One<T>>;
    type First<T: 'static> = First<One<T>>;

    fn block_on<T: 'static>(root: impl Future<Output = T> + 'static) -> T {
        let event_loop = new_loop();
        EPOCH.set(Some((event_loop.time(), Instant::now())));
        event_loop.run_until_complete(root).expect("the root task ends")
    }
    fn spawn<T: 'static>(task: impl Future<Output = T> + 'static) -> Task<T> {
        evloop::spawn(task)
    }
    async fn join<T: 'static>(handle: Task<T>) -> T {
        handle.await.expect("no task is cancelled or panics")
    }
    fn call_soon(callback: impl FnOnce() + 'static) {
        let event_loop = evloop::get_running_loop().expect("a loop runs");
        let _ = event_loop.call_soon(callback);
    }
    fn yield_now() -> impl Future<Output = ()> {
        evloop::yield_now()
    }
    fn sleep_until(deadline: Instant) -> evloop::Sleep {
        let (time, instant) = EPOCH.get().expect("a loop runs");
        evloop::sleep_until(time + (deadline - instant))
    }
    fn channel<T: 'static>() -> (Sender<T>, Rc<Channel<T>>) {
        let channel = Rc::new(Channel {
            place: Cell::new(None),
            room: Cell::new(None),
            value: Cell::new(None),
            closed: Cell::new(false),
        });
        (Sender(channel.clone()), channel)
    }
    async fn send<T: 'static>(sender: &Sender<T>, value: T) {
        let mut value = Some(value);
        poll_fn(|context| match sender.0.place.take() {
            None => {
                sender.0.place.set(value.take());
                wake(&sender.0.value);
                Poll::Ready(())
            }
            before => {
                sender.0.place.set(before);
                sender.0.room.set(Some(context.waker().clone()));
                Poll::Pending
            }
        })
        .await
    }
    fn receive<T: 'static>(receiver: &mut Rc<Channel<T>>) -> impl Future<Output = Option<T>> {
        poll_fn(|context| match receiver.place.take() {
            None if receiver.closed.get() => Poll::Ready(None),
            None => {
                receiver.value.set(Some(context.waker().clone()));
                Poll::Pending
            }
            value => {
                wake(&receiver.room);
                Poll::Ready(value)
            }
        })
    }
    fn oneshot<T: 'static>() -> (LoopFuture<One<T>>, LoopFuture<One<T>>) {
        let event_loop = evloop::get_running_loop().expect("a loop runs");
        let future = event_loop.create_future();
        (future.clone(), future)
    }
    fn complete<T: 'static>(sender: LoopFuture<One<T>>, value: T) {
        let _ = sender.set_result(Rc::new(Cell::new(Some(value))));
    }
    async fn completed<T: 'static>(receiver: LoopFuture<One<T>>) -> T {
        let value = receiver.await.expect("no oneshot is cancelled");
        value.take().expect("a value is taken once")
    }
    fn first<T: 'static>() -> First<One<T>> {
        First { done: Rc::default(), waiter: Rc::default() }
    }
    fn put<T: 'static>(set: &mut First<One<T>>, receiver: LoopFuture<One<T>>) {
        let (done, waiter) = (set.done.clone(), set.waiter.clone());
        receiver.add_done_callback(move |future| {
            done.borrow_mut().push_back(future.clone());
            wake(&waiter);
        });
    }
    async fn next<T: 'static>(set: &mut First<One<T>>) -> T {
        let future = poll_fn(|context| match set.done.borrow_mut().pop_front() {
            Some(future) => Poll::Ready(future),
            None => {
                set.waiter.set(Some(context.waker().clone()));
                Poll::Pending
            }
        })
        .await;
        let value = future.result().expect("no oneshot is cancelled");
        value.take().expect("a value is taken once")
    }
}
