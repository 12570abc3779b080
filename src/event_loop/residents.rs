//! What lives in a loop until it ends or the loop is closed: tasks, transports, servers.

use std::any::Any;
use std::os::fd::RawFd;
use std::rc::Rc;

use super::Inner;
use crate::observe::{Site, What};

/// Somebody whom the loop keeps alive.
pub(crate) trait Resident {
    /// What it is, for the report.
    fn what(&self) -> What;
    /// The loop is closing: let go of everything.
    fn evict(self: Rc<Self>, inner: &Inner);
    /// `run` ends: a task is asked to end, and `true` says that this is one to wait for.
    /// `_at` is where somebody asked for the run.
    fn ask_to_end(self: Rc<Self>, _at: Site) -> bool {
        false
    }
    /// A connection's descriptor.
    fn fd(&self) -> Option<RawFd> {
        None
    }
    /// Whether somebody asked it to close, so that it was not forgotten.
    fn is_ending(&self) -> bool {
        false
    }
    /// What should have been done about it before its loop was closed.
    fn advice(&self) -> &'static str {
        "call close()"
    }
    /// A task's name and where it was spawned.
    #[cfg(feature = "debug")]
    fn spawned(&self) -> Option<(Site, Rc<str>)> {
        None
    }
    /// Whether it has ended.
    fn has_ended(&self) -> bool {
        true
    }
    /// What a task shows to those who know what it is.
    fn card(&self) -> Option<&dyn Any> {
        None
    }
}

/// Where a resident lives.
pub(crate) type ResidentKey = usize;

/// The residents, in places that are reused.
#[derive(Default)]
pub(crate) struct Residents {
    places: Vec<Option<Rc<dyn Resident>>>,
    free: Vec<ResidentKey>,
}

impl Residents {
    fn insert(&mut self, resident: Rc<dyn Resident>) -> ResidentKey {
        match self.free.pop() {
            Some(key) => {
                self.places[key] = Some(resident);
                key
            }
            None => {
                self.places.push(Some(resident));
                self.places.len() - 1
            }
        }
    }

    fn remove(&mut self, key: ResidentKey) -> Option<Rc<dyn Resident>> {
        let resident = self.places.get_mut(key)?.take()?;
        self.free.push(key);
        Some(resident)
    }

    /// All of them, the oldest place first.
    pub(super) fn take_all(&mut self) -> Vec<Rc<dyn Resident>> {
        let mut all = Vec::with_capacity(self.places.len());
        for place in &mut self.places {
            if let Some(resident) = place.take() {
                all.push(resident);
            }
        }
        *self = Residents::default();
        all
    }
}

/// What was still alive when a loop was closed: [`EventLoop::close`](super::EventLoop::close) gives it.
///
/// A program that ended everything it began finds it [clean](CloseReport::is_clean).
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct CloseReport {
    /// Tasks that were pending, and transports and servers that were open.
    pub residents: Vec<What>,
    /// Handles that were queued and never ran.
    pub handles: usize,
    /// Timers that never fired.
    pub timers: usize,
    /// Descriptors that were still watched.
    pub descriptors: Vec<RawFd>,
}

impl CloseReport {
    /// Whether nothing was left.
    pub fn is_clean(&self) -> bool {
        self.residents.is_empty()
            && self.handles == 0
            && self.timers == 0
            && self.descriptors.is_empty()
    }
}

impl Inner {
    /// Keeps `resident` alive until it is let go.
    pub(crate) fn house(&self, resident: Rc<dyn Resident>) -> ResidentKey {
        self.residents.borrow_mut().insert(resident)
    }

    /// Lets a resident go. The loop's close may have done so before.
    pub(crate) fn let_go(&self, key: ResidentKey) {
        let resident = self.residents.borrow_mut().remove(key);
        drop(resident);
    }

    /// Who lives there.
    pub(crate) fn resident(&self, key: ResidentKey) -> Option<Rc<dyn Resident>> {
        self.residents.borrow().places.get(key).cloned().flatten()
    }

    /// Everybody who lives here now.
    pub(crate) fn residents(&self) -> Vec<Rc<dyn Resident>> {
        self.residents.borrow().places.iter().flatten().cloned().collect()
    }
}
