//! What a queue refuses.

use std::error::Error;
use std::fmt;

const EMPTY: &str = "the queue is empty: get() would wait for an item";
const FULL: &str = "the queue is full: put() would wait for room";
const SHUT_DOWN: &str = "the queue was shut down: shutdown() was called on it";

/// The queue was shut down. (`asyncio.QueueShutDown`) What could not be put comes back in it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct QueueShutDown<T = ()>(pub T);

/// Why no item was taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GetError {
    /// None is there. (`asyncio.QueueEmpty`)
    QueueEmpty,
    /// None is there, and none will come. (`asyncio.QueueShutDown`)
    QueueShutDown,
}

/// Why an item was not put; it comes back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum PutError<T> {
    /// There is no room. (`asyncio.QueueFull`)
    QueueFull(T),
    /// No item may come any more. (`asyncio.QueueShutDown`)
    QueueShutDown(T),
}

impl<T> PutError<T> {
    /// The item.
    pub fn into_inner(self) -> T {
        match self {
            PutError::QueueFull(item) | PutError::QueueShutDown(item) => item,
        }
    }
}

/// [`task_done`](crate::Queue::task_done) was called more often than items were put.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NoTaskToBeDone;

impl<T> fmt::Display for QueueShutDown<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SHUT_DOWN)
    }
}

impl<T> fmt::Debug for QueueShutDown<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("QueueShutDown")
    }
}

impl fmt::Display for GetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            GetError::QueueEmpty => EMPTY,
            GetError::QueueShutDown => SHUT_DOWN,
        })
    }
}

impl<T> fmt::Display for PutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PutError::QueueFull(_) => FULL,
            PutError::QueueShutDown(_) => SHUT_DOWN,
        })
    }
}

impl<T> fmt::Debug for PutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PutError::QueueFull(_) => "QueueFull",
            PutError::QueueShutDown(_) => "QueueShutDown",
        })
    }
}

impl fmt::Display for NoTaskToBeDone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("task_done() called too many times: once for each item that was put")
    }
}

impl<T> Error for QueueShutDown<T> {}
impl Error for GetError {}
impl<T> Error for PutError<T> {}
impl Error for NoTaskToBeDone {}
