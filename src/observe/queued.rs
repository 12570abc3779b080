//! Which handle a callback waits in the ready queue as, for observers of its cancel.
//!
//! A callback does not know its loop, let alone its number there, and to tell it would cost every
//! handle of every program. So the loop keeps a table of it beside the queue, only with the feature
//! `testing` and only while it is observed.

#[cfg(not(feature = "testing"))]
mod table {
    use crate::observe::{HandleId, Observe};

    /// Tells observers that a callback is being cancelled.
    #[inline(always)]
    pub(crate) fn tell_cancelled<T>(_: &T) {}

    impl Observe {
        #[inline(always)]
        pub(crate) fn note_queued(&self, _: *const (), _: HandleId) {}
        #[inline(always)]
        pub(crate) fn forget_queued(&self, _: HandleId) {}
        #[inline(always)]
        pub(crate) fn forget_all_queued(&self) {}
    }
}

#[cfg(feature = "testing")]
mod table {
    use std::cell::RefCell;
    use std::collections::VecDeque;
    use std::ptr;
    use std::rc::Rc;

    use crate::observe::{HandleId, Observe, Record};

    struct Queued {
        /// Where it is. The queue keeps it there.
        callback: *const (),
        handle: HandleId,
        observe: Rc<Observe>,
    }

    thread_local! {
        /// Of every loop of this thread, the oldest first.
        static QUEUED: RefCell<VecDeque<Queued>> = const { RefCell::new(VecDeque::new()) };
    }

    /// Does it with the table, unless the thread is ending.
    fn with_table<R>(f: impl FnOnce(&mut VecDeque<Queued>) -> R) -> Option<R> {
        QUEUED.try_with(|queued| f(&mut queued.borrow_mut())).ok()
    }

    /// Tells observers that a callback is being cancelled, if it is queued.
    pub(crate) fn tell_cancelled<T>(callback: &T) {
        let callback = ptr::from_ref(callback).cast();
        let found = with_table(|queued| {
            let mine = queued.iter().filter(|queued| queued.callback == callback);
            mine.map(|queued| (queued.observe.clone(), queued.handle)).collect::<Vec<_>>()
        });
        for (observe, handle) in found.into_iter().flatten() {
            observe.tell(|| Record::HandleCancelled { handle });
        }
    }

    impl Observe {
        /// Notes that `callback` is queued as `handle`.
        pub(crate) fn note_queued(self: &Rc<Self>, callback: *const (), handle: HandleId) {
            let observe = self.clone();
            with_table(|queued| queued.push_back(Queued { callback, handle, observe }));
        }

        /// Notes that `handle` has left the queue.
        pub(crate) fn forget_queued(self: &Rc<Self>, handle: HandleId) {
            with_table(|queued| {
                let is_it = |q: &Queued| q.handle == handle && Rc::ptr_eq(&q.observe, self);
                queued.iter().position(is_it).and_then(|place| queued.remove(place))
            });
        }

        /// Notes that the queue is closed.
        pub(crate) fn forget_all_queued(self: &Rc<Self>) {
            with_table(|queued| queued.retain(|queued| !Rc::ptr_eq(&queued.observe, self)));
        }
    }
}

pub(crate) use table::tell_cancelled;
