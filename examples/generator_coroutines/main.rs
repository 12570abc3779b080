//! What `async` makes of a function: the state machine written out, beside the `async fn`.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use evloop::{EventLoop, LoopError, yield_now};

/// `a`, as the compiler sees it: where it stands, and what it must remember there.
enum A {
    /// Before the first line.
    Start,
    /// At the `yield`, in the pass of the loop with this `x`.
    Yielded { x: u32 },
    /// Returned.
    Done,
}

impl Future for A {
    type Output = ();

    /// From where it stands to the next `yield`.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let x = match *self {
            A::Start => 0,
            A::Yielded { x } => x + 1,
            A::Done => panic!("polled after it had returned"),
        };
        if x == 3 {
            *self = A::Done;
            return Poll::Ready(());
        }
        println!("a.x {x}");
        *self = A::Yielded { x };
        // A plain `yield` asks for the next turn. Who forgets to wake is never polled again.
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

fn a_by_hand() -> A {
    A::Start
}

async fn a() {
    for x in 0..3 {
        println!("a.x {x}");
        yield_now().await;
    }
}

async fn b() {
    for x in "abc".chars() {
        println!("b.x {x}");
        yield_now().await;
    }
}

/// Whether calling `function` gives a coroutine. The compiler answers: what is none does not
/// compile here.
fn is_coroutine_function<F: Future>(function: fn() -> F) -> bool {
    let _ = function;
    true
}

fn main() -> Result<(), LoopError> {
    println!("{} {}", is_coroutine_function(a), is_coroutine_function(b));
    println!("{}", is_coroutine_function(a_by_hand));

    let event_loop = EventLoop::new()?;
    for by_hand in [false, true] {
        println!("a {}", if by_hand { "written out" } else { "as async fn" });
        let a =
            if by_hand { event_loop.create_task(A::Start) } else { event_loop.create_task(a()) };
        let b = event_loop.create_task(b());
        event_loop.run_until_complete(async { (a.await, b.await) })?.1.expect("b ends well");
    }
    event_loop.close()?;
    Ok(())
}
