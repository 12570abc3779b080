//! Two coroutines on one loop: while one sleeps the other goes on, and both are in one thread.

use std::error::Error;
use std::thread;
use std::time::Duration;

async fn sleep(x: u64) {
    for i in 0..3 {
        println!("sleep {i}");
        evloop::sleep(Duration::from_secs(x)).await;
    }
}

async fn show_thread() {
    for _ in 0..3 {
        println!("[{}]", thread::current().name().unwrap_or("a thread without a name"));
        evloop::sleep(Duration::from_secs(2)).await;
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let event_loop = evloop::get_event_loop()?;
    let tasks = [event_loop.create_task(sleep(3)), event_loop.create_task(show_thread())];
    event_loop.run_until_complete(evloop::wait(tasks))??;
    event_loop.close()?;
    Ok(())
}
