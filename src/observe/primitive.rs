//! Which kind of thing between tasks somebody waits for.

use std::fmt;

/// A kind of lock, event or queue, where [`Resource::Sync`](super::Resource::Sync) names one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Primitive {
    /// A [`Lock`](crate::Lock) to be free.
    Lock,
    /// An [`Event`](crate::Event) to be set.
    Event,
    /// A [`Condition`](crate::Condition) to be notified.
    Condition,
    /// A [`Semaphore`](crate::Semaphore) to have permits.
    Semaphore,
    /// A [`Barrier`](crate::Barrier) to be full.
    Barrier,
    /// A [`Queue`](crate::Queue) to have an item.
    QueueItem,
    /// A [`Queue`](crate::Queue) to have room.
    QueueRoom,
    /// A [`Queue`](crate::Queue)'s items to be done.
    QueueDone,
}

impl fmt::Display for Primitive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Primitive::Lock => "the lock",
            Primitive::Event => "the event",
            Primitive::Condition => "the condition",
            Primitive::Semaphore => "a permit of the semaphore",
            Primitive::Barrier => "the barrier",
            Primitive::QueueItem => "an item of the queue",
            Primitive::QueueRoom => "room in the queue",
            Primitive::QueueDone => "the end of the work in the queue",
        })
    }
}
