//! The bug zoo: bugs that event loops really have had, kept alive to show that the kit finds them.
//!
//! Each is an *arm* where it would be made, `zoo::is(Bug::…)`. In what ships, `is` is a constant
//! `false` and no arm is there: it needs `--cfg evloop_zoo`, a flag of the compiler and not a
//! feature, for a feature is switched on for everybody as soon as one crate of a build asks.
//!
//! With the flag one build has all arms and a test lets one out at a time (`with`): a build a bug
//! would compile the crate as many times as there are bugs, to run each for less than a second.
//! Which one is out belongs to a thread, so that tests beside it are not bitten; what a simulation
//! has another thread do is done on the simulation's own.
//!
//! `tools/check-zoo.sh` lets out one after the other and says which oracle caught it. A bug that
//! was found by hand gets an arm here: it is a ratchet.

/// The bugs. Their numbers are for the table that the job prints, and stay.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Bug {
    /// A task that is woken while it is polled is not polled again: it counts as queued until its
    /// poll is over.
    WakeDuringPollLost = 1,
    /// Of timers with one deadline the last armed comes first: the heap knows no numbers.
    TimerTiesReversed = 2,
    /// A receive that would block ends the watch, as if its registration were for one shot, and
    /// nobody renews it. (evloop is level-triggered and has nothing to renew; this is the place
    /// where it would.)
    WatchEndsWithEagain = 3,
    /// A call from another thread does not end the loop's sleep.
    RemoteCallDoesNotRing = 4,
    /// Timers are looked at only when nothing else is ready.
    TimersOnlyWhenIdle = 5,
    /// The time to sleep is rounded down to milliseconds: the rest of the last one is spent
    /// asking.
    SleepRoundedDown = 6,
    /// A timer that is due within the clock's resolution fires now: early. (asyncio's does.)
    TimerEarly = 7,
    /// Cancelling a timer that is in the ready queue already has no effect.
    CancelAfterDueIgnored = 8,
    /// A task that is queued and woken again is queued twice.
    WakeNotDeduplicated = 9,
    /// A `stop` before the run is forgotten when it begins.
    StopBeforeRunLost = 10,
    /// An event is for whoever has its descriptor's number now.
    EventWithoutGeneration = 11,
    /// A connection that ends leaves its registration behind.
    RegistrationLeft = 12,
    /// Waking by value does not give the waker up.
    WakerLeaked = 13,
    /// An event that tells a hang-up is taken for the end; what is still to be read is not.
    HangUpSkipsRead = 14,
    /// What is queued in a turn still runs in it.
    TurnWithoutEnd = 15,
    /// A due timer goes before what was ready earlier.
    TimerJumpsQueue = 16,
    /// A receive of less than it asked for is taken for the end of the stream.
    ShortReadIsEof = 17,
    /// An event of a registration that is gone ends the program.
    UnknownTokenPanics = 18,
    /// A wait that a signal cut short begins anew with its whole time.
    InterruptedWaitStartsOver = 19,
    /// A cancelled timer at the head of the heap still ends the sleep.
    CancelledHeadWakes = 20,
    /// A connection that ended closes its descriptor, and whoever told its protocol does so again:
    /// by then the number may be somebody else's.
    ClosedTwice = 21,
    /// Of a send that took a part, the rest is forgotten.
    PartialSendLosesTail = 22,
    /// The end of a stream hides what of it is still unread. (On kqueue `EV_EOF` comes together
    /// with bytes; in evloop whoever told end from bytes first would be the stream's buffer.)
    EofHidesUnread = 23,
    /// A task that is cancelled in its last poll ends twice: with its value, and cancelled.
    EndsTwice = 24,
    /// The flag that says that the letter box holds something is taken down after the box was
    /// emptied. (Needs two threads at once: it is `loom/` that finds it.)
    FlagLoweredAfterTaking = 25,
}

/// Whether this bug is out, in this thread.
#[cfg(not(evloop_zoo))]
#[inline(always)]
pub(crate) const fn is(_: Bug) -> bool {
    false
}

#[cfg(evloop_zoo)]
pub(crate) use self::out::is;
#[cfg(evloop_zoo)]
pub use self::out::{ALL, with};

#[cfg(evloop_zoo)]
mod out {
    use std::cell::Cell;

    use super::Bug;

    thread_local! {
        static OUT: Cell<Option<Bug>> = const { Cell::new(None) };
    }

    pub(crate) fn is(bug: Bug) -> bool {
        OUT.get() == Some(bug)
    }

    /// Calls `f` while `bug` is out, or none.
    pub fn with<R>(bug: impl Into<Option<Bug>>, f: impl FnOnce() -> R) -> R {
        struct Back(Option<Bug>);
        impl Drop for Back {
            fn drop(&mut self) {
                OUT.set(self.0);
            }
        }
        let _back = Back(OUT.replace(bug.into()));
        f()
    }

    /// All of them, by number.
    pub const ALL: [Bug; 25] = {
        use Bug::*;
        [
            WakeDuringPollLost,
            TimerTiesReversed,
            WatchEndsWithEagain,
            RemoteCallDoesNotRing,
            TimersOnlyWhenIdle,
            SleepRoundedDown,
            TimerEarly,
            CancelAfterDueIgnored,
            WakeNotDeduplicated,
            StopBeforeRunLost,
            EventWithoutGeneration,
            RegistrationLeft,
            WakerLeaked,
            HangUpSkipsRead,
            TurnWithoutEnd,
            TimerJumpsQueue,
            ShortReadIsEof,
            UnknownTokenPanics,
            InterruptedWaitStartsOver,
            CancelledHeadWakes,
            ClosedTwice,
            PartialSendLosesTail,
            EofHidesUnread,
            EndsTwice,
            FlagLoweredAfterTaking,
        ]
    };
}
