//! The ready queue: first come, first served, and what a callback queues waits for the next turn.

use evloop::{EventLoop, LoopError};

fn main() -> Result<(), LoopError> {
    let event_loop = EventLoop::new()?;

    for name in ["first", "second"] {
        event_loop.call_soon(move || println!("{name}"))?;
    }

    let inner = event_loop.clone();
    event_loop.call_soon(move || {
        println!("third, which queues a fourth");
        let queued = inner.call_soon(|| println!("fourth, a turn later"));
        queued.expect("the loop is open while it runs");
    })?;

    let cancelled = event_loop.call_soon(|| println!("never"))?;
    cancelled.cancel();

    // One turn runs exactly what is ready when it begins.
    for turn in 1..=2 {
        println!("turn {turn}");
        event_loop.run_once(None)?;
    }
    event_loop.close()?;
    Ok(())
}
