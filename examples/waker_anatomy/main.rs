//! One future polled by hand: `Pending`, a wake, `Ready`. No loop, no task: just the contract.
//!
//! A future that is not ready must keep the waker it was given and call it later. Whoever polls
//! must not poll again before that. Nothing else connects the two.

use std::cell::RefCell;
use std::future::Future;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// What becomes a waker: here it only counts. evloop's puts its task into the ready queue.
#[derive(Default)]
struct Bell {
    rung: AtomicU32,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.rung.fetch_add(1, Ordering::Relaxed);
    }
}

/// A letter box with one slot, and the waker of whoever waits for the letter.
#[derive(Default)]
struct LetterBox {
    letter: Option<&'static str>,
    waiter: Option<Waker>,
}

/// Waits for the letter.
struct Letter(Rc<RefCell<LetterBox>>);

impl Future for Letter {
    type Output = &'static str;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<&'static str> {
        let mut letter_box = self.0.borrow_mut();
        match letter_box.letter.take() {
            Some(letter) => Poll::Ready(letter),
            None => {
                letter_box.waiter = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

fn main() {
    let bell = Arc::new(Bell::default());
    let waker = Waker::from(bell.clone());
    // One of the references is `bell` itself; the others are wakers.
    let wakers = || Arc::strong_count(&bell) - 1;
    println!("made a waker: {} exists", wakers());

    let letter_box = Rc::new(RefCell::new(LetterBox::default()));
    let mut letter = pin!(Letter(letter_box.clone()));
    let mut context = Context::from_waker(&waker);

    println!("poll: {:?}", letter.as_mut().poll(&mut context));
    println!("the future kept a clone: {} exist", wakers());

    // Somewhere else, later: the letter comes, and whoever brings it wakes the waiter.
    letter_box.borrow_mut().letter = Some("hello");
    let waiter = letter_box.borrow_mut().waiter.take();
    waiter.expect("the poll left one here").wake();
    println!(
        "woken {} time, and the clone is used up: {} exists",
        bell.rung.load(Ordering::Relaxed),
        wakers()
    );

    println!("poll: {:?}", letter.as_mut().poll(&mut context));
}
