//! Write flow control: when the unsent bytes are too many, and when they are few enough again.
//!
//! ```text
//! state    unsent > high   unsent <= low   otherwise
//! running  Pause           -               -
//! paused   -               Resume          -
//! ```
//!
//! Two marks instead of one, so that a buffer which hovers at the mark does not pause and resume
//! its producer at every byte.

use std::error::Error;
use std::fmt;
use std::io;

/// The high-water mark if nobody sets one, in bytes: 64 KiB, as in asyncio.
pub const DEFAULT_HIGH: usize = 64 * 1024;

/// What the protocol must be told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Signal {
    /// `pause_writing()`: the buffer has grown beyond the high-water mark.
    Pause,
    /// `resume_writing()`: the buffer has shrunk to the low-water mark.
    Resume,
}

/// The water marks of one outgoing buffer, and on which side of them it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Flow {
    low: usize,
    high: usize,
    paused: bool,
}

impl Default for Flow {
    fn default() -> Flow {
        Flow { low: DEFAULT_HIGH / 4, high: DEFAULT_HIGH, paused: false }
    }
}

impl Flow {
    /// The marks in bytes, `(low, high)`.
    pub const fn limits(&self) -> (usize, usize) {
        (self.low, self.high)
    }

    /// Whether the protocol was told to pause and not yet to resume.
    pub const fn is_paused(&self) -> bool {
        self.paused
    }

    /// Sets the marks in bytes, and gives the signal that this calls for with `unsent` bytes in the
    /// buffer. A mark that is left out follows the other: low is a quarter of high; both left out
    /// are the defaults, 16 KiB and 64 KiB. A high of 0 pauses at the first byte kept.
    ///
    /// # Errors
    ///
    /// [`LimitsError`] if high is below low; nothing is changed then.
    ///
    /// # Unlike asyncio
    ///
    /// Marks raised above the present size resume at once; there the next send does it.
    pub fn set_limits(
        &mut self,
        high: Option<usize>,
        low: Option<usize>,
        unsent: usize,
    ) -> Result<Option<Signal>, LimitsError> {
        let high = high.unwrap_or(low.map_or(DEFAULT_HIGH, |low| low.saturating_mul(4)));
        let low = low.unwrap_or(high / 4);
        if high < low {
            return Err(LimitsError { low, high });
        }
        (self.low, self.high) = (low, high);
        Ok(self.update(unsent))
    }

    /// The signal to give now that the buffer holds `unsent` bytes; to be called whenever that
    /// number has changed.
    pub fn update(&mut self, unsent: usize) -> Option<Signal> {
        match self.paused {
            false if unsent > self.high => {
                self.paused = true;
                Some(Signal::Pause)
            }
            true if unsent <= self.low => {
                self.paused = false;
                Some(Signal::Resume)
            }
            _ => None,
        }
    }
}

/// Water marks that contradict each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LimitsError {
    /// The low-water mark asked for, in bytes.
    pub low: usize,
    /// The high-water mark asked for, in bytes.
    pub high: usize,
}

impl fmt::Display for LimitsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LimitsError { low, high } = self;
        write!(
            f,
            "high-water mark {high} is below low-water mark {low}: high must be at least low \
             (left out, it would be {})",
            low.saturating_mul(4)
        )
    }
}

impl Error for LimitsError {}

impl From<LimitsError> for io::Error {
    fn from(error: LimitsError) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidInput, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KIB: usize = 1024;

    fn limits_after(high: Option<usize>, low: Option<usize>) -> (usize, usize) {
        let mut flow = Flow::default();
        assert_eq!(flow.set_limits(high, low, 0), Ok(None));
        flow.limits()
    }

    #[test]
    fn flow_01_a_mark_left_out_follows_the_other() {
        assert_eq!(Flow::default().limits(), (16 * KIB, 64 * KIB));
        assert_eq!(limits_after(None, None), (16 * KIB, 64 * KIB));
        assert_eq!(limits_after(Some(100), None), (25, 100));
        assert_eq!(limits_after(None, Some(100)), (100, 400));
        assert_eq!(limits_after(Some(7), Some(7)), (7, 7));
        assert_eq!(limits_after(Some(0), None), (0, 0));
    }

    #[test]
    fn flow_01_a_high_mark_below_the_low_one_is_refused_and_changes_nothing() {
        let mut flow = Flow::default();
        let error = flow.set_limits(Some(10), Some(20), 0).unwrap_err();
        assert_eq!(error, LimitsError { low: 20, high: 10 });
        assert_eq!(
            error.to_string(),
            "high-water mark 10 is below low-water mark 20: high must be at least low \
             (left out, it would be 80)"
        );
        assert_eq!(flow, Flow::default());
        assert_eq!(flow.set_limits(Some(0), Some(1), 0), Err(LimitsError { low: 1, high: 0 }));
    }

    #[test]
    fn flow_02_it_pauses_once_and_only_strictly_above_the_high_mark() {
        let mut flow = Flow::default();
        assert_eq!(flow.update(64 * KIB), None);
        assert_eq!(flow.update(64 * KIB + 1), Some(Signal::Pause));
        assert_eq!(flow.update(64 * KIB + 2), None);
        assert!(flow.is_paused());
    }

    #[test]
    fn flow_02_it_resumes_once_at_or_below_the_low_mark() {
        let mut flow = Flow::default();
        flow.update(100 * KIB);
        assert_eq!(flow.update(16 * KIB + 1), None);
        assert_eq!(flow.update(16 * KIB), Some(Signal::Resume));
        assert_eq!(flow.update(0), None);
    }

    #[test]
    fn flow_04_marks_lowered_below_the_present_size_pause_at_once() {
        let mut flow = Flow::default();
        assert_eq!(flow.update(1000), None);
        assert_eq!(flow.set_limits(Some(999), None, 1000), Ok(Some(Signal::Pause)));
    }

    #[test]
    fn marks_raised_above_the_present_size_resume_at_once() {
        let mut flow = Flow::default();
        flow.update(65 * KIB);
        assert_eq!(flow.set_limits(None, Some(65 * KIB), 65 * KIB), Ok(Some(Signal::Resume)));
    }

    #[test]
    fn a_low_mark_near_the_end_of_numbers_does_not_overflow() {
        assert_eq!(limits_after(None, Some(usize::MAX)), (usize::MAX, usize::MAX));
    }

    proptest! {
        #[test]
        fn signals_alternate_and_a_paused_buffer_is_never_empty(
            high in 0usize..50,
            low in 0usize..50,
            sizes in prop::collection::vec(0usize..100, 0..60),
        ) {
            let mut flow = Flow::default();
            prop_assume!(flow.set_limits(Some(high), Some(low), 0).is_ok());
            let mut last = Some(Signal::Resume);
            for unsent in sizes {
                if let Some(signal) = flow.update(unsent) {
                    prop_assert_ne!(last.replace(signal), Some(signal));
                }
                prop_assert!(!flow.is_paused() || unsent > low);
                prop_assert!(flow.is_paused() || unsent <= high);
            }
        }
    }
}
