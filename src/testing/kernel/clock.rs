//! Virtual time, as the loop reads it.

use super::World;
use crate::sys::{Clock, Time};

/// The world's clock: it moves only inside a select, and by [`World::busy`].
pub(crate) struct SimClock(pub(crate) World);

impl Clock for SimClock {
    fn now(&self) -> Time {
        self.0.clock_is_read();
        self.0.now()
    }
}
