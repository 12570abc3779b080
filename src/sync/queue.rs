//! Items from some tasks to others: asyncio's `Queue`, `LifoQueue` and `PriorityQueue`.
//!
//! What waits, and for what, is in `stock.rs`.

use std::cell::RefCell;
use std::fmt;
use std::ops::Deref;
use std::panic::Location;
use std::rc::Rc;
use std::task::Waker;

use super::bell::Bell;
use super::queue_error::{GetError, NoTaskToBeDone, PutError};
use super::queue_wait::{Get, Join, Put};
use super::stock::{Refused, Stock};
use super::store::{Fifo, Lifo, Smallest, Store};
use crate::observe::Site;

pub(super) struct Shared<S> {
    pub(super) stock: RefCell<Stock<S, Waker>>,
    /// Rings when all items are done.
    pub(super) done: Bell,
    pub(super) made_at: Site,
}

impl<S: Store> Shared<S> {
    /// Wakes those who may go on now.
    #[inline]
    pub(super) fn settle(&self) {
        loop {
            let next = self.stock.borrow_mut().next();
            let Some(waker) = next else { return };
            waker.wake();
        }
    }
}

/// Items from tasks that put them to tasks that get them, the oldest first. (`asyncio.Queue`)
///
/// Clones are names of the same queue. It may hold so many items and no more: who puts waits for
/// room then, and who gets waits for an item, each first come, first served. In which order items
/// come is a type: [`LifoQueue`] and [`PriorityQueue`] have all that is here.
///
/// ```
/// # let event_loop = evloop::EventLoop::new()?;
/// let queue = evloop::Queue::new(2);
/// let jobs = queue.clone();
/// let worker = event_loop.create_task(async move {
///     let mut sum = 0;
///     while let Ok(job) = jobs.get().await {
///         sum += job;
///         jobs.task_done().unwrap();
///     }
///     sum
/// });
/// let sum = event_loop.run_until_complete(async move {
///     for job in 1..=10 {
///         queue.put(job).await.unwrap();
///     }
///     queue.join().await; // Every job is done.
///     queue.shutdown(false); // No more will come.
///     worker.await
/// })?;
/// assert_eq!(sum.unwrap(), 55);
/// # Ok::<(), evloop::LoopError>(())
/// ```
pub struct Queue<T, S: Store<Item = T> = Fifo<T>>(Rc<Shared<S>>);

impl<T, S: Store<Item = T>> Clone for Queue<T, S> {
    fn clone(&self) -> Self {
        Queue(self.0.clone())
    }
}

impl<T> Queue<T> {
    /// One that holds at most `maxsize` items; 0 is no limit.
    #[track_caller]
    pub fn new(maxsize: usize) -> Self {
        Queue::ordered(maxsize, Location::caller())
    }
}

impl<T, S: Store<Item = T>> Queue<T, S> {
    fn ordered(maxsize: usize, made_at: Site) -> Self {
        let stock = RefCell::new(Stock::new(maxsize));
        Queue(Rc::new(Shared { stock, done: Bell::default(), made_at }))
    }

    /// Takes an item, and waits until there is one. (`Queue.get`)
    ///
    /// # Errors
    ///
    /// [`QueueShutDown`](super::QueueShutDown): it was [shut down](Queue::shutdown), and nothing is
    /// left for this caller.
    ///
    /// # Cancel safety
    ///
    /// Dropping it takes nothing: what it was woken for goes to the next who waits.
    #[track_caller]
    pub fn get(&self) -> Get<T, S> {
        Get::new(self.0.clone(), Location::caller())
    }

    /// Puts `item` in, and waits until there is room. (`Queue.put`)
    ///
    /// # Errors
    ///
    /// [`QueueShutDown`](super::QueueShutDown) with the item: it was [shut down](Queue::shutdown).
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops the item, which has not been put then. The room it was woken for goes to
    /// the next who waits.
    #[track_caller]
    pub fn put(&self, item: T) -> Put<T, S> {
        Put::new(self.0.clone(), item, Location::caller())
    }

    /// Takes an item that is there, also before those who wait in [`get`](Queue::get): they wait
    /// on. (`Queue.get_nowait`)
    ///
    /// # Errors
    ///
    /// [`GetError`]: none is there, and perhaps none will come any more.
    pub fn get_nowait(&self) -> Result<T, GetError> {
        let item = self.0.stock.borrow_mut().get_nowait().map_err(|refused| match refused {
            Refused::NotNow => GetError::QueueEmpty,
            Refused::ShutDown => GetError::QueueShutDown,
        })?;
        self.0.settle();
        Ok(item)
    }

    /// Puts `item` in if there is room, also before those who wait in [`put`](Queue::put): they
    /// wait on. (`Queue.put_nowait`)
    ///
    /// # Errors
    ///
    /// [`PutError`] with the item: there is no room, or the queue was shut down.
    pub fn put_nowait(&self, item: T) -> Result<(), PutError<T>> {
        let may = self.0.stock.borrow().may_put_nowait();
        match may {
            Err(Refused::NotNow) => return Err(PutError::QueueFull(item)),
            Err(Refused::ShutDown) => return Err(PutError::QueueShutDown(item)),
            Ok(()) => self.0.stock.borrow_mut().add(item),
        }
        self.0.settle();
        Ok(())
    }

    /// Says that an item which was taken has been dealt with, for [`join`](Queue::join).
    /// (`Queue.task_done`)
    ///
    /// # Errors
    ///
    /// [`NoTaskToBeDone`]: as many have been dealt with as were put.
    pub fn task_done(&self) -> Result<(), NoTaskToBeDone> {
        let was_last = self.0.stock.borrow_mut().task_done().ok_or(NoTaskToBeDone)?;
        if was_last {
            self.0.done.ring_all();
        }
        Ok(())
    }

    /// Waits until every item that was put has been dealt with: as many
    /// [`task_done`](Queue::task_done)s as there were items. (`Queue.join`)
    ///
    /// # Cancel safety
    ///
    /// Dropping it loses nothing.
    #[track_caller]
    pub fn join(&self) -> Join<T, S> {
        Join::new(self.0.clone(), Location::caller())
    }

    /// Refuses all items from now on: who puts, or waits for room, fails. Who gets takes what is
    /// left, and fails when nothing is. Immediately: what is left is dropped, counts as dealt with,
    /// and who gets fails, too. (`Queue.shutdown`)
    pub fn shutdown(&self, immediate: bool) {
        self.0.stock.borrow_mut().shut_down();
        let left = immediate.then(|| self.0.stock.borrow_mut().drain());
        self.0.settle();
        if self.unfinished() == 0 {
            self.0.done.ring_all();
        }
        // Dropping an item may call anything here, and may panic.
        drop(left);
    }

    /// How many items are there. (`Queue.qsize`)
    pub fn qsize(&self) -> usize {
        self.0.stock.borrow().len()
    }

    /// Whether none is. (`Queue.empty`)
    pub fn empty(&self) -> bool {
        self.qsize() == 0
    }

    /// Whether there is no room. (`Queue.full`)
    pub fn full(&self) -> bool {
        self.0.stock.borrow().is_full()
    }

    /// How many items it may hold; 0 is no limit. (`Queue.maxsize`)
    pub fn maxsize(&self) -> usize {
        self.0.stock.borrow().maxsize()
    }

    /// Whether it was [shut down](Queue::shutdown).
    pub fn is_shutdown(&self) -> bool {
        self.0.stock.borrow().is_shut_down()
    }

    /// How many items were put and not dealt with.
    pub fn unfinished(&self) -> usize {
        self.0.stock.borrow().unfinished()
    }
}

impl<T, S: Store<Item = T>> fmt::Debug for Queue<T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stock = self.0.stock.borrow();
        let (getters, putters) = stock.waiting();
        write!(f, "<Queue maxsize: {}, items: {}", stock.maxsize(), stock.len())?;
        write!(f, ", getters: {getters}, putters: {putters}, tasks: {}", stock.unfinished())?;
        f.write_str(if stock.is_shut_down() { ", shut down>" } else { ">" })
    }
}

/// A [`Queue`] that gives the newest item first. (`asyncio.LifoQueue`)
pub struct LifoQueue<T>(Queue<T, Lifo<T>>);

/// A [`Queue`] that gives the smallest item first; of equal ones, any.
/// (`asyncio.PriorityQueue`)
///
/// ```
/// let queue = evloop::PriorityQueue::new(0);
/// for job in [(2, "code"), (1, "eat"), (3, "sleep")] {
///     queue.put_nowait(job).unwrap();
/// }
/// assert_eq!(queue.get_nowait(), Ok((1, "eat")));
/// ```
pub struct PriorityQueue<T: Ord>(Queue<T, Smallest<T>>);

impl<T> LifoQueue<T> {
    /// One that holds at most `maxsize` items; 0 is no limit.
    #[track_caller]
    pub fn new(maxsize: usize) -> Self {
        LifoQueue(Queue::ordered(maxsize, Location::caller()))
    }
}

impl<T: Ord> PriorityQueue<T> {
    /// One that holds at most `maxsize` items; 0 is no limit.
    #[track_caller]
    pub fn new(maxsize: usize) -> Self {
        PriorityQueue(Queue::ordered(maxsize, Location::caller()))
    }
}

impl<T> Clone for LifoQueue<T> {
    fn clone(&self) -> Self {
        LifoQueue(self.0.clone())
    }
}

impl<T: Ord> Clone for PriorityQueue<T> {
    fn clone(&self) -> Self {
        PriorityQueue(self.0.clone())
    }
}

impl<T> Deref for LifoQueue<T> {
    type Target = Queue<T, Lifo<T>>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<T: Ord> Deref for PriorityQueue<T> {
    type Target = Queue<T, Smallest<T>>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<T> fmt::Debug for LifoQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LifoQueue({:?})", self.0)
    }
}

impl<T: Ord> fmt::Debug for PriorityQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PriorityQueue({:?})", self.0)
    }
}
