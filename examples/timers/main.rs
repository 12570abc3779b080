//! Timers fire by their deadlines, whatever the order in which they were armed; those that share
//! one fire in that order. A cancelled timer never fires.

use std::time::Duration;

use evloop::{EventLoop, LoopError};

fn main() -> Result<(), LoopError> {
    let event_loop = EventLoop::new()?;
    let began = event_loop.time();
    let seconds = |n| Duration::from_secs(n);

    event_loop.call_later(seconds(3), || println!("3"))?;
    event_loop.call_later(seconds(1), || println!("1"))?;
    event_loop.call_later(seconds(2), || println!("2"))?;
    event_loop.call_later(seconds(2), || println!("2, armed after the other"))?;
    event_loop.call_at(began + Duration::from_millis(1500), || println!("1.5"))?;

    let never = event_loop.call_later(seconds(1), || println!("never"))?;
    never.cancel();

    let stopper = event_loop.clone();
    event_loop.call_later(seconds(4), move || stopper.stop())?;
    event_loop.run_forever()?;

    println!("{} seconds passed", (event_loop.time() - began).as_secs());
    event_loop.close()?;
    Ok(())
}
