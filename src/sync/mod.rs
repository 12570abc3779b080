//! Between the tasks of a loop: locks, events, conditions, semaphores, barriers, queues.
//!
//! Names and meaning are asyncio's; where Rust expects a guard there is one. Three things hold for
//! all of them:
//!
//! - **First come, first served.** Who releases a permit hands it to the first who waits, in that
//!   call. Nobody who comes later gets in between. (`try_acquire` fails while somebody waits. Of a
//!   queue, `get_nowait` and `put_nowait` do go before those who wait, as in asyncio.)
//! - **Nothing is lost to who gives up.** Any wait may end by being dropped, also when what it
//!   waited for had just been handed to it; it goes on to the next then.
//! - **One thread.** They are clonable names and not `Send`, and belong to no loop: their wakers do.
//!
//! asyncio has neither [`oneshot`] nor [`Watch`]; who comes from tokio stops without them. Its
//! `mpsc` is a [`Queue`] with `shutdown`, its `Notify` an [`Event`] or a [`Semaphore`] of no permits.
//! `broadcast` is left out: a `Queue` for each listener says what is to happen when one is slow.
//!
//! # Where to read
//!
//! Pure files, which know no task: `line.rs` is who waits; `permits.rs` hands over (locks,
//! semaphores), `promises.rs` and `stock.rs` promise (queues), `rounds.rs` is the barrier with its
//! table. The others are handles and futures around them. All need of evloop is to say what they
//! wait for, so the folder stands on `observe/` alone.

mod barrier;
mod bell;
mod condition;
mod event;
mod line;
mod lock;
mod oneshot;
mod permits;
mod promises;
#[cfg(test)]
mod properties;
mod queue;
mod queue_error;
mod queue_wait;
mod rounds;
mod semaphore;
mod stock;
mod store;
mod watch;

pub use barrier::{Barrier, BarrierWait, BrokenBarrierError};
pub(crate) use bell::Bell;
pub use condition::Condition;
pub use event::{Event, EventWait};
pub use lock::{Acquire, Lock, LockGuard, NotAcquired};
pub use oneshot::{NothingSent, OneshotReceiver, OneshotSender, oneshot};
pub use queue::{LifoQueue, PriorityQueue, Queue};
pub use queue_error::{GetError, NoTaskToBeDone, PutError, QueueShutDown};
pub use queue_wait::{Get, Join, Put};
pub use semaphore::{AcquirePermit, BoundedSemaphore, Permit, ReleasedTooOften, Semaphore};
pub use store::{Fifo, Lifo, Smallest, Store};
pub use watch::Watch;
