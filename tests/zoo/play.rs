//! Plays a case's steps, as tasks, timers and callbacks of one loop, and notes what is not as it was
//! promised.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::Duration;

use evloop::testing::{Link, PeerOp, World};
use evloop::{
    EventLoop, StreamReader, StreamWriter, Task, Time, get_running_loop, open_connection, sleep,
    sleep_until, spawn, start_server, yield_now,
};

use crate::step::Step;

/// What a program promises itself and does not find so.
#[derive(Clone, Default)]
pub struct Claims(Rc<RefCell<Option<String>>>);

impl Claims {
    fn holds(&self, claim: bool, what: impl FnOnce() -> String) {
        if !claim {
            self.0.borrow_mut().get_or_insert_with(what);
        }
    }

    fn io(&self, step: &Step, result: io::Result<()>) {
        self.holds(result.is_ok(), || format!("{step}: {}", result.unwrap_err()));
    }
}

/// A program that plays.
struct Player {
    world: World,
    event_loop: EventLoop,
    claims: Claims,
    tasks: Vec<Task<()>>,
    /// When the last of its timers is due.
    last: Time,
    next_port: u16,
}

/// Plays `steps`; the first claim that did not hold is the error.
pub async fn play(world: World, steps: Vec<Step>) -> Result<(), String> {
    let event_loop = get_running_loop().expect("a simulation runs its loop");
    let any = SocketAddr::from(([0, 0, 0, 0], 0));
    world.link(
        any,
        any,
        Link::default().with_latency(Duration::from_micros(200)).with_buffers(8000, 8000),
    );
    let (claims, last) = (Claims::default(), world.now());
    let mut player = Player { world, event_loop, claims, tasks: Vec::new(), last, next_port: 1000 };
    for step in steps {
        player.begin(step).await;
    }
    sleep_until(player.last).await;
    for task in player.tasks {
        let ended = task.await;
        player.claims.holds(ended.is_ok(), || format!("a task ended otherwise: {ended:?}"));
    }
    let wrong = player.claims.0.take();
    wrong.map_or(Ok(()), Err)
}

impl Player {
    async fn begin(&mut self, step: Step) {
        match step {
            Step::Sleep(us) => self.sleeps(us.duration()),
            Step::Pause(us) => sleep(us.duration()).await,
            Step::Busy(us) => self.is_busy(us.duration()),
            Step::SoonThenTimer => self.soon_then_timer(),
            Step::Chain(links) => chain(&self.event_loop, links),
            Step::Timer(us) => drop(self.timer(us.duration(), |_| ())),
            Step::TimerCancelled(us) => {
                let timer = self.timer(us.duration(), |claims| {
                    claims.holds(false, || "a cancelled timer called back".into());
                });
                timer.cancel();
                timer.cancel();
            }
            Step::TimerCancels(first, second) => {
                self.timer_cancels(first.duration(), second.duration());
            }
            Step::SelfWake(times) => self.tasks.push(spawn(self_wake(times))),
            Step::StrayWake(times) => self.stray_wake(times),
            Step::Future(us) => self.future(us.duration()),
            Step::FutureTwice => self.future_twice(),
            Step::Cancel(us) => self.cancel(us.duration()),
            Step::CancelLast => self.cancel_last(),
            Step::Thread(us) => self.thread(us.duration()),
            Step::ThreadWakes(us) => self.thread_wakes(us.duration()),
            Step::Echo(times, len) => self.echo(step.clone(), times, len as usize),
            Step::Late(len, us) => self.late(step.clone(), len as usize, us.duration()),
            Step::Peer(len, us) => self.peer(step.clone(), len as usize, us.duration()),
            Step::Leave(len, us) => self.leave(step.clone(), len as usize, us.duration()),
            Step::Reader(len, us) => self.reader(step.clone(), len as usize, us.duration()),
            Step::Reopen(times) => self.reopen(times),
        }
    }

    // ---- time ---------------------------------------------------------------------------------

    fn sleeps(&mut self, time: Duration) {
        let (world, claims) = (self.world.clone(), self.claims.clone());
        self.tasks.push(spawn(async move {
            let until = world.now() + time;
            sleep(time).await;
            claims.holds(world.now() >= until, || format!("woken {:?} early", until - world.now()));
        }));
    }

    fn is_busy(&self, time: Duration) {
        let world = self.world.clone();
        let _ = self.event_loop.call_soon(move || world.busy(time));
    }

    fn timer(&mut self, time: Duration, f: impl FnOnce(&Claims) + 'static) -> evloop::TimerHandle {
        let (world, claims, due) =
            (self.world.clone(), self.claims.clone(), self.world.now() + time);
        self.last = self.last.max(due);
        let timer = self.event_loop.call_at(due, move || {
            claims.holds(world.now() >= due, || format!("called {:?} early", due - world.now()));
            f(&claims);
        });
        timer.expect("an open loop")
    }

    fn soon_then_timer(&mut self) {
        let soon = Rc::new(Cell::new(false));
        let set = soon.clone();
        let _ = self.event_loop.call_soon(move || set.set(true));
        self.timer(Duration::ZERO, move |claims| {
            claims.holds(soon.get(), || "a timer overtook what was asked for before it".into());
        });
    }

    fn timer_cancels(&mut self, first: Duration, second: Duration) {
        let other = Rc::new(RefCell::new(None::<evloop::TimerHandle>));
        let cancelled = Rc::new(Cell::new(false));
        let (victim, note) = (other.clone(), cancelled.clone());
        self.timer(first, move |_| {
            if let Some(timer) = &*victim.borrow() {
                note.set(true);
                timer.cancel();
            }
        });
        let timer = self.timer(second, move |claims| {
            claims.holds(!cancelled.get(), || "a cancelled timer called back".into());
        });
        other.replace(Some(timer));
    }

    // ---- tasks --------------------------------------------------------------------------------

    fn stray_wake(&mut self, times: u8) {
        let place: Rc<RefCell<Option<Waker>>> = Rc::default();
        let woken = Rc::new(Cell::new(false));
        let (kept, seen) = (place.clone(), woken.clone());
        self.tasks.push(spawn(poll_fn(move |context| {
            kept.replace(Some(context.waker().clone()));
            if seen.get() { Poll::Ready(()) } else { Poll::Pending }
        })));
        self.tasks.push(spawn(async move {
            yield_now().await;
            woken.set(true);
            for _ in 0..times {
                if let Some(waker) = &*place.borrow() {
                    waker.wake_by_ref();
                }
            }
            yield_now().await;
            yield_now().await;
            let kept = place.take();
            kept.into_iter().for_each(Waker::wake);
        }));
    }

    fn future(&mut self, time: Duration) {
        let future = self.event_loop.create_future::<u8>();
        let (setter, claims) = (future.clone(), self.claims.clone());
        self.tasks.push(spawn(async move {
            sleep(time).await;
            claims.holds(setter.set_result(7).is_ok(), || "a pending future refused".into());
        }));
        let claims = self.claims.clone();
        self.tasks.push(spawn(async move {
            let value = future.await;
            claims.holds(matches!(value, Ok(7)), || format!("a future gave {value:?}"));
        }));
    }

    fn future_twice(&mut self) {
        let future = self.event_loop.create_future::<u8>();
        let calls = Rc::new(Cell::new(0));
        let (count, claims) = (calls.clone(), self.claims.clone());
        future.add_done_callback(move |_| count.set(count.get() + 1));
        self.tasks.push(spawn(async move {
            let refused = future.set_result(7).is_ok() && !future.cancel();
            claims.holds(refused, || "a future was completed twice".into());
            yield_now().await;
            yield_now().await;
            claims.holds(calls.get() == 1, || format!("called {} times", calls.get()));
        }));
    }

    fn cancel(&mut self, time: Duration) {
        let sleeper = spawn(sleep(Duration::from_millis(2)));
        let claims = self.claims.clone();
        self.tasks.push(spawn(async move {
            sleep(time).await;
            let (first, second) = (sleeper.cancel(), sleeper.cancel());
            claims.holds(first == second, || "a task refused the second of two cancels".into());
            let ended = sleeper.await;
            claims.holds(ended.is_err() == first, || "a cancel was not heard".into());
        }));
    }

    fn cancel_last(&mut self) {
        let place: Rc<RefCell<Option<Task<()>>>> = Rc::default();
        let own = place.clone();
        place.replace(Some(spawn(async move {
            yield_now().await;
            let task = own.take();
            if let Some(task) = &task {
                task.cancel();
            }
        })));
        self.tasks.push(spawn(async {
            for _ in 0..3 {
                yield_now().await;
            }
        }));
    }

    // ---- other threads ------------------------------------------------------------------------

    fn thread(&mut self, time: Duration) {
        let handle = self.event_loop.handle();
        let sent = Arc::new(Mutex::new(false));
        let flag = sent.clone();
        self.world.thread(time, move || {
            let arrives = move || *flag.lock().unwrap() = true;
            drop(handle.call_soon_threadsafe(arrives));
        });
        let (world, claims) = (self.world.clone(), self.claims.clone());
        let until = world.now() + time;
        self.tasks.push(spawn(async move {
            sleep_until(until + Duration::from_secs(1)).await;
            claims.holds(*sent.lock().unwrap(), || "a thread's call is a second late".into());
        }));
    }

    fn thread_wakes(&mut self, time: Duration) {
        let mut begun = false;
        let world = self.world.clone();
        let done = Arc::new(Mutex::new(false));
        self.tasks.push(spawn(poll_fn(move |context| {
            if !std::mem::replace(&mut begun, true) {
                let (waker, flag) = (context.waker().clone(), done.clone());
                world.thread(time, move || {
                    *flag.lock().unwrap() = true;
                    waker.wake();
                });
            }
            if *done.lock().unwrap() { Poll::Ready(()) } else { Poll::Pending }
        })));
    }

    // ---- the network --------------------------------------------------------------------------

    fn address(&mut self) -> SocketAddr {
        self.next_port += 1;
        SocketAddr::from(([127, 0, 0, 1], self.next_port))
    }

    /// A task of what may fail only where the loop is wrong.
    fn spawn_io(&mut self, step: Step, f: impl Future<Output = io::Result<()>> + 'static) {
        let claims = self.claims.clone();
        self.tasks.push(spawn(async move { claims.io(&step, f.await) }));
    }

    fn echo(&mut self, step: Step, times: u8, len: usize) {
        let (address, claims) = (self.address(), self.claims.clone());
        self.spawn_io(step, async move {
            let server = start_server(echo_back, address).await?;
            for time in 0..times {
                let (reader, writer) = open_connection(address).await?;
                let back = talk(reader, writer, &pattern(time, len)).await?;
                claims.holds(back == pattern(time, len), || {
                    format!("{len} bytes came back as {}", back.len())
                });
            }
            server.close();
            server.wait_closed().await;
            Ok(())
        });
    }

    fn late(&mut self, step: Step, len: usize, time: Duration) {
        let address = self.address();
        self.world.peer(
            address,
            vec![PeerOp::Send(pattern(0, len)), PeerOp::HalfClose, PeerOp::ExpectEnd],
        );
        self.reads(step, address, time, pattern(0, len));
    }

    fn peer(&mut self, step: Step, len: usize, time: Duration) {
        let (address, bytes) = (self.address(), pattern(0, len));
        let script = vec![
            PeerOp::Send(bytes.clone()),
            PeerOp::Pause(time),
            PeerOp::Send(bytes.clone()),
            PeerOp::HalfClose,
            PeerOp::ExpectEnd,
        ];
        self.world.peer(address, script);
        self.reads(step, address, Duration::ZERO, [bytes.clone(), bytes].concat());
    }

    /// Leaves while the peer may still be sending; that may be a reset for either.
    fn leave(&mut self, step: Step, len: usize, time: Duration) {
        let address = self.address();
        self.world.peer(address, vec![PeerOp::Send(pattern(0, len)), PeerOp::ExpectEnd]);
        self.spawn_io(step, async move {
            let (_reader, mut writer) = open_connection(address).await?;
            sleep(time).await;
            writer.close();
            let _ = writer.wait_closed().await;
            Ok(())
        });
    }

    /// A connection that reads `expected` and then the end, and begins after `time`.
    fn reads(&mut self, step: Step, address: SocketAddr, time: Duration, expected: Vec<u8>) {
        let claims = self.claims.clone();
        self.spawn_io(step, async move {
            let (mut reader, mut writer) = open_connection(address).await?;
            sleep(time).await;
            let mut read = Vec::new();
            loop {
                let some = reader.read(100_000).await?;
                if some.is_empty() {
                    break;
                }
                read.extend(some);
            }
            claims.holds(read == expected, || {
                format!("of {} bytes {} were read", expected.len(), read.len())
            });
            writer.close();
            writer.wait_closed().await
        });
    }
}

impl Player {
    /// Reads what comes, until the other end is closed.
    fn reader(&mut self, step: Step, len: usize, time: Duration) {
        let (here, there) = self.world.pair();
        let sent = Rc::new(Cell::new(0));
        let writes = sent.clone();
        self.world.after(time, move |_| {
            writes.set((&there).write(&pattern(0, len)).unwrap_or(0));
        });
        let (event_loop, claims) = (self.event_loop.clone(), self.claims.clone());
        let (over, mut read) = (event_loop.create_future::<()>(), Vec::<u8>::new());
        let (here, told) = (Rc::new(here), over.clone());
        let inner = here.clone();
        let reader = event_loop.add_reader(&*here, move || {
            let mut buffer = [0; 1000];
            match (&*inner).read(&mut buffer) {
                Ok(0) => {
                    claims.holds(read == pattern(0, sent.get()), || {
                        format!("{step}: {} bytes of {}", read.len(), sent.get())
                    });
                    let _ = told.set_result(());
                }
                Ok(some) => read.extend(&buffer[..some]),
                Err(error) => claims.holds(error.kind() == io::ErrorKind::WouldBlock, || {
                    format!("{step}: {error}")
                }),
            }
        });
        self.tasks.push(spawn(async move {
            let _ = over.await;
            let _ = event_loop.remove_reader(&*here);
            drop(reader);
        }));
    }

    /// Numbers that are used again, while an event of their last use may be on its way.
    fn reopen(&mut self, times: u8) {
        let (world, event_loop) = (self.world.clone(), self.event_loop.clone());
        self.tasks.push(spawn(async move {
            for _ in 0..=times {
                let (here, there) = world.pair();
                let _ = event_loop.add_reader(&here, || ());
                let _ = (&there).write(b"x");
                yield_now().await;
                yield_now().await;
                let _ = event_loop.remove_reader(&here);
            }
        }));
    }
}

fn chain(event_loop: &EventLoop, links: u8) {
    if links > 0 {
        let next = event_loop.clone();
        let _ = event_loop.call_soon(move || chain(&next, links - 1));
    }
}

/// Wakes itself in every poll, the last included.
fn self_wake(mut times: u8) -> impl Future<Output = ()> {
    poll_fn(move |context| {
        context.waker().wake_by_ref();
        if times == 0 {
            return Poll::Ready(());
        }
        times -= 1;
        Poll::Pending
    })
}

/// So many bytes of which no two blocks of a power of two are alike.
fn pattern(seed: u8, len: usize) -> Vec<u8> {
    let period: [u8; 251] = std::array::from_fn(|at| at as u8 ^ seed);
    let mut bytes = period.repeat(len.div_ceil(period.len()));
    bytes.truncate(len);
    bytes
}

async fn echo_back(mut reader: StreamReader, mut writer: StreamWriter) -> io::Result<()> {
    loop {
        let data = reader.read(1024).await?;
        if data.is_empty() {
            break;
        }
        writer.write(&data)?;
        writer.drain().await?;
    }
    writer.close();
    writer.wait_closed().await
}

/// Sends `bytes` and the end, and reads until the other's end.
async fn talk(
    mut reader: StreamReader,
    mut writer: StreamWriter,
    bytes: &[u8],
) -> io::Result<Vec<u8>> {
    writer.write(bytes)?;
    writer.write_eof();
    let back = reader.read_to_end().await?;
    writer.close();
    writer.wait_closed().await?;
    Ok(back)
}
