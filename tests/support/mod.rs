//! What the tests of many promises share.

use std::cell::RefCell;
use std::rc::Rc;

/// What happened, in order.
#[derive(Clone, Default)]
pub struct Log(Rc<RefCell<Vec<&'static str>>>);

impl Log {
    /// Something that notes `what` when it is called.
    pub fn note(&self, what: &'static str) -> impl Fn() + 'static {
        let log = self.clone();
        move || log.0.borrow_mut().push(what)
    }

    /// What has happened since this was last asked.
    pub fn take(&self) -> Vec<&'static str> {
        self.0.take()
    }
}
