//! evloop itself.

use evloop::{
    EventLoop, LoopFuture, Protocol, StreamReader, StreamWriter, Task, Time, Transport,
    get_running_loop,
    web::{Application, Request, Response},
};
use evloop_bench::{
    Peer, cells,
    micro::{CallbackLoop, Executor, run, run_callbacks},
};
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
        http: Some(http),
        micro: Some(|case| run_callbacks::<Evloop>(case) || run::<Evloop>(case)),
        ..Peer::default()
    }
    .main()
}

/// evloop's sockets have TCP_NODELAY without being asked, as asyncio's.
struct Echo;

impl Protocol for Echo {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) {
        // An error means that the connection is closing, which the loop sees to.
        let _ = transport.write(data);
    }
}

fn echo_protocol(port: u16) -> io::Result<()> {
    let event_loop = EventLoop::new().map_err(io::Error::other)?;
    let server = event_loop.create_server(|| Echo, ("127.0.0.1", port)).backlog(4096);
    let _server =
        event_loop.run_until_complete(server.into_future()).map_err(io::Error::other)??;
    event_loop.run_forever().map(drop).map_err(io::Error::other)
}

fn echo_streams(port: u16) -> io::Result<()> {
    let event_loop = EventLoop::new().map_err(io::Error::other)?;
    let server = evloop::start_server(serve, ("127.0.0.1", port)).backlog(4096);
    let _server =
        event_loop.run_until_complete(server.into_future()).map_err(io::Error::other)??;
    event_loop.run_forever().map(drop).map_err(io::Error::other)
}

/// Ends at the peer's end, or at an error, which only means that the peer has gone.
async fn serve(mut reader: StreamReader, mut writer: StreamWriter) {
    while let Ok(data) = reader.read(16 * 1024).await {
        if data.is_empty() || writer.write(&data).is_err() || writer.drain().await.is_err() {
            return;
        }
    }
}

fn http(port: u16) -> io::Result<()> {
    let event_loop = EventLoop::new().map_err(io::Error::other)?;
    let mut app = Application::new();
    app.router().add_get("/", hello).add_get("/{id}", id);
    let server = app.serve(("127.0.0.1", port)).backlog(4096);
    let _server =
        event_loop.run_until_complete(server.into_future()).map_err(io::Error::other)??;
    event_loop.run_forever().map(drop).map_err(io::Error::other)
}

async fn hello(_: Request) -> Response {
    Response::text("Hello, World!")
}

async fn id(request: Request) -> Response {
    Response::text(format!("id={}", request.match_info().get("id").unwrap_or_default()))
}

struct Evloop;

thread_local! {
    /// One moment on both clocks, to turn the workloads' deadlines into the loop's.
    static MOMENT: Cell<Option<(Instant, Time)>> = const { Cell::new(None) };
}

impl CallbackLoop for Evloop {
    fn run(first: impl FnOnce() + 'static) {
        let event_loop = EventLoop::new().expect("evloop starts");
        event_loop.call_soon(first).expect("the loop is open");
        event_loop.run_forever().expect("the loop runs");
    }
    fn call_soon(callback: impl FnOnce() + 'static) {
        <Evloop as Executor>::call_soon(callback);
    }
    fn stop() {
        get_running_loop().expect("inside run").stop();
    }
}

/// Oneshots that hand themselves over as they complete.
struct First<T> {
    arrived: Rc<RefCell<VecDeque<T>>>,
    waiter: Rc<Cell<Option<Waker>>>,
}

impl Executor for Evloop {
    type Join<T: 'static> = Task<T>;
    type Sleep = evloop::Sleep;
    type Sender<T: 'static> = cells::Sender<T>;
    type Receiver<T: 'static> = cells::Receiver<T>;
    type OneSender<T: Clone + 'static> = LoopFuture<T>;
    type OneReceiver<T: Clone + 'static> = LoopFuture<T>;
    type First<T: Clone + 'static> = First<T>;

    fn block_on<T: 'static>(root: impl Future<Output = T> + 'static) -> T {
        let event_loop = EventLoop::new().expect("evloop starts");
        MOMENT.set(Some((Instant::now(), event_loop.time())));
        event_loop.run_until_complete(root).expect("the root task ends")
    }
    fn spawn<T: 'static>(task: impl Future<Output = T> + 'static) -> Task<T> {
        evloop::spawn(task)
    }
    async fn join<T: 'static>(handle: Task<T>) -> T {
        handle.await.expect("no task is cancelled or panics")
    }
    fn call_soon(callback: impl FnOnce() + 'static) {
        let event_loop = get_running_loop().expect("inside block_on");
        event_loop.call_soon(callback).expect("the loop is open");
    }
    fn yield_now() -> impl Future<Output = ()> {
        evloop::yield_now()
    }
    fn sleep_until(deadline: Instant) -> evloop::Sleep {
        let (instant, time) = MOMENT.get().expect("inside block_on");
        evloop::sleep_until(time + (deadline - instant))
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
    fn oneshot<T: Clone + 'static>() -> (LoopFuture<T>, LoopFuture<T>) {
        let future = get_running_loop().expect("inside block_on").create_future();
        (future.clone(), future)
    }
    fn complete<T: Clone + 'static>(sender: LoopFuture<T>, value: T) {
        sender.set_result(value).expect("it is completed once");
    }
    async fn completed<T: Clone + 'static>(receiver: LoopFuture<T>) -> T {
        receiver.await.expect("it is not cancelled")
    }
    fn first<T: Clone + 'static>() -> First<T> {
        First { arrived: Rc::default(), waiter: Rc::default() }
    }
    fn put<T: Clone + 'static>(set: &mut First<T>, receiver: LoopFuture<T>) {
        let (arrived, waiter) = (set.arrived.clone(), set.waiter.clone());
        receiver.add_done_callback(move |future| {
            arrived.borrow_mut().push_back(future.result().expect("it is done"));
            cells::wake(&waiter);
        });
    }
    fn next<T: Clone + 'static>(set: &mut First<T>) -> impl Future<Output = T> {
        poll_fn(|cx| match set.arrived.borrow_mut().pop_front() {
            Some(value) => Poll::Ready(value),
            None => cells::wait(&set.waiter, cx),
        })
    }
}
