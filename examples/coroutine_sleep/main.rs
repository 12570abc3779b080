//! One coroutine on the loop: three sleeps of three seconds, without a thread that sleeps.

use std::time::Duration;

use evloop::LoopError;

async fn sleep(x: u64) {
    for i in 0..3 {
        println!("sleep {i}");
        evloop::sleep(Duration::from_secs(x)).await;
    }
}

fn main() -> Result<(), LoopError> {
    let event_loop = evloop::get_event_loop()?;
    event_loop.run_until_complete(sleep(3))?;
    event_loop.close()?;
    Ok(())
}
