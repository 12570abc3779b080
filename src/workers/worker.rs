//! The worker's side: what its main future is given, and the process around it.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::{Future, poll_fn};
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;

use crate::event_loop::{EventLoop, LoopError, get_running_loop};
use crate::observe::Site;
use crate::signal::{SIGINT, SIGTERM};
use crate::stream::HandlerOutput;
use crate::sys::child::{HeldSignals, die_with_parent, exit_now};
use crate::task::{JoinError, LoopFuture};
use crate::transport::Server;

/// Words are no longer than this, so that they fit into a socket's buffer and nobody waits.
const LONGEST_WORDS: usize = 4000;

/// A worker, as its main future knows itself. Clones are names of the same.
#[derive(Clone)]
pub struct Worker(Rc<Shared>);

struct Shared {
    id: usize,
    count: usize,
    line: Option<UnixStream>,
    ready: Cell<bool>,
    drain: LoopFuture<()>,
    quitting: Cell<bool>,
    /// Cancels the main future, once that has begun.
    cancel: RefCell<Option<Box<dyn Fn()>>>,
}

/// What serves until it is told to stop: [`Server`], and the HTTP server.
pub trait Serving {
    /// Begins to accept, if it has not.
    ///
    /// # Errors
    ///
    /// The kernel's.
    fn begin(&self) -> io::Result<()>;
    /// Accepts no more.
    fn stop_accepting(&self);
    /// Waits until what it had accepted is gone. Dropped, it loses nothing.
    fn ended(&self) -> impl Future<Output = ()>;
}

impl Serving for Server {
    fn begin(&self) -> io::Result<()> {
        self.start_serving()
    }
    fn stop_accepting(&self) {
        self.close();
    }
    async fn ended(&self) {
        self.wait_closed().await;
    }
}

#[cfg(feature = "http")]
impl Serving for crate::http::HttpServer {
    fn begin(&self) -> io::Result<()> {
        Ok(())
    }
    fn stop_accepting(&self) {
        self.close();
    }
    async fn ended(&self) {
        // The supervisor's deadline bounds it.
        self.shutdown(NO_HURRY).await;
    }
}

/// Longer than any worker lives.
#[cfg(feature = "http")]
const NO_HURRY: std::time::Duration = std::time::Duration::from_secs(365 * 24 * 3600);

impl Worker {
    fn new(event_loop: &EventLoop, id: usize, count: usize, line: Option<UnixStream>) -> Worker {
        Worker(Rc::new(Shared {
            id,
            count,
            line,
            ready: Cell::new(false),
            drain: event_loop.create_future(),
            quitting: Cell::new(false),
            cancel: RefCell::default(),
        }))
    }

    /// A worker in the running loop, without a process or a supervisor: to run a worker's main
    /// future in a test, or when there is only one to run. [`drain`](Worker::drain) asks it to end.
    ///
    /// # Errors
    ///
    /// [`LoopError::NotRunning`] outside of callbacks and tasks.
    pub fn alone() -> Result<Worker, LoopError> {
        Ok(Worker::new(&get_running_loop()?, 0, 1, None))
    }

    /// Its number: 0, 1 and so on. Who is started in a dead one's place has its number.
    pub fn id(&self) -> usize {
        self.0.id
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.count
    }

    /// Tells the supervisor that it does what it is for. Say it once everything is open: a worker
    /// that ends before it counts as one that could not start. Again it does nothing.
    pub fn ready(&self) {
        if !self.0.ready.replace(true) {
            self.say(b"R");
        }
    }

    /// Waits until it is asked to end: by its supervisor, or by SIGTERM.
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, it loses nothing: who asks later is told at once.
    pub async fn draining(&self) {
        // Nobody cancels this future: it is ours.
        let _ = self.0.drain.clone().await;
    }

    /// Whether it has been asked to end.
    pub fn is_draining(&self) -> bool {
        self.0.drain.done()
    }

    /// Asks it to end, as SIGTERM does.
    pub fn drain(&self) {
        // The second time it has been asked already.
        let _ = self.0.drain.set_result(());
    }

    /// Serves: begins to accept, says [`ready`](Worker::ready), and when it is asked to end accepts
    /// no more and waits for what it has accepted. The supervisor's deadline bounds that.
    ///
    /// # Errors
    ///
    /// If it cannot begin to accept.
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, it accepts no more; connections stay as they are.
    pub async fn serve(&self, server: &impl Serving) -> io::Result<()> {
        server.begin()?;
        self.ready();
        let stop = StopWhenDropped(server);
        self.draining().await;
        drop(stop);
        server.ended().await;
        Ok(())
    }

    fn say(&self, words: &[u8]) {
        if let Some(mut line) = self.0.line.as_ref() {
            // A supervisor that does not hear it is gone, and so is this process in a moment.
            let _ = line.write_all(words);
        }
    }

    fn quit(&self) {
        self.0.quitting.set(true);
        if let Some(cancel) = &*self.0.cancel.borrow() {
            cancel();
        }
    }

    /// What the supervisor says; no more of it means that it is gone.
    fn listen(&self) {
        let Some(mut line) = self.0.line.as_ref() else { return };
        let mut word = [0];
        match line.read(&mut word) {
            Ok(0) => exit_now(1),
            Ok(_) => self.quit(),
            Err(_) => {}
        }
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let draining = if self.is_draining() { " draining" } else { "" };
        write!(f, "<Worker {} of {}{draining}>", self.0.id, self.0.count)
    }
}

struct StopWhenDropped<'a, S: Serving>(&'a S);

impl<S: Serving> Drop for StopWhenDropped<'_, S> {
    fn drop(&mut self) {
        self.0.stop_accepting();
    }
}

/// What a worker is born with.
pub(super) struct Berth {
    pub(super) worker: usize,
    pub(super) parent: u32,
    pub(super) line: UnixStream,
    pub(super) held: HeldSignals,
    pub(super) at: Site,
}

/// A worker's life, in its own process; the code to exit with.
pub(super) fn live<M, F>(berth: Berth, count: usize, main: &Rc<M>) -> i32
where
    M: Fn(Worker) -> F + 'static,
    F: Future<Output: HandlerOutput + 'static> + 'static,
{
    die_with_parent();
    if std::os::unix::process::parent_id() != berth.parent {
        return 1;
    }
    let mut last = berth.line.try_clone().ok();
    // Above this frame are the supervisor and all that called it: a panic that came to them would
    // have two processes do what they do.
    let failure = match catch_unwind(AssertUnwindSafe(|| work(berth, count, main.clone()))) {
        Ok(Ok(failure)) => failure,
        Ok(Err(error)) => Some(error.to_string()),
        Err(payload) => Some(JoinError::Panicked(payload).to_string()),
    };
    let _ = io::stdout().flush();
    let Some(words) = failure else { return 0 };
    if let Some(line) = &mut last {
        let mut bytes = format!("E{words}").into_bytes();
        bytes.truncate(LONGEST_WORDS);
        let _ = line.write_all(&bytes);
    }
    1
}

/// Runs the main future, and gives what it failed with.
fn work<M, F>(berth: Berth, count: usize, main: Rc<M>) -> Result<Option<String>, LoopError>
where
    M: Fn(Worker) -> F + 'static,
    F: Future<Output: HandlerOutput + 'static> + 'static,
{
    let Berth { worker: id, line, held, at, .. } = berth;
    line.set_nonblocking(true)?;
    let event_loop = EventLoop::new()?;
    let worker = Worker::new(&event_loop, id, count, Some(line.try_clone()?));
    let (drained, told) = (worker.clone(), worker.clone());
    event_loop.add_signal_handler(SIGTERM, move || {
        drained.say(b"T");
        drained.drain();
    })?;
    // Ctrl-C at a terminal goes to everybody there: the supervisor decides.
    event_loop.add_signal_handler(SIGINT, || ())?;
    event_loop.add_reader(&line, move || told.listen())?;
    drop(held);
    event_loop.run_to_its_end(run_main(worker, main), at)
}

async fn run_main<M, F>(worker: Worker, main: Rc<M>) -> Option<String>
where
    M: Fn(Worker) -> F + 'static,
    F: Future<Output: HandlerOutput + 'static> + 'static,
{
    if worker.0.quitting.get() {
        return None;
    }
    let its = worker.clone();
    let task = Rc::new(RefCell::new(crate::task::spawn(async move { main(its).await })));
    let main = task.clone();
    *worker.0.cancel.borrow_mut() = Some(Box::new(move || {
        main.borrow().cancel();
    }));
    let ended = poll_fn(|context| Pin::new(&mut *task.borrow_mut()).poll(context)).await;
    worker.0.cancel.take();
    match ended {
        Ok(output) => output.failure(),
        Err(error) => Some(error.to_string()),
    }
}
