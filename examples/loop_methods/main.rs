//! The loop's methods, each called once, with what they answer.

use std::time::Duration;

use evloop::{LoopError, get_event_loop, get_running_loop, new_event_loop, set_event_loop, sleep};

fn row(method: &str, answer: impl std::fmt::Debug) {
    println!("{method:<34} {answer:?}");
}

fn main() -> Result<(), LoopError> {
    // Which loop.
    let event_loop = get_event_loop()?;
    row("get_event_loop() twice, same?", event_loop == get_event_loop()?);
    row("get_running_loop(), outside", get_running_loop().map_err(|error| error.to_string()));
    let other = new_event_loop()?;
    set_event_loop(Some(other.clone()));
    row("set_event_loop(new), current?", other == get_event_loop()?);
    set_event_loop(Some(event_loop.clone()));

    // What it is doing.
    row("is_running()", event_loop.is_running());
    let inner = event_loop.clone();
    event_loop.call_soon(move || row("is_running(), in a callback", inner.is_running()))?;

    // Asking for a call. Answers come when the loop runs.
    event_loop.call_soon(|| row("call_soon", "called first"))?;
    let now = event_loop.time();
    event_loop.call_at(now + Duration::from_millis(200), || row("call_at", "after 200 ms"))?;
    event_loop.call_later(Duration::from_millis(100), || row("call_later", "after 100 ms"))?;
    event_loop.call_later(Duration::from_millis(50), || row("cancel", "never seen"))?.cancel();
    row("next_deadline() while handles wait", event_loop.next_deadline());
    event_loop.handle().call_soon_threadsafe(|| row("call_soon_threadsafe", "called"))?;

    // Running it.
    row("run_once(no wait)", event_loop.run_once(Some(Duration::ZERO)));
    let answer = event_loop.run_until_complete(async {
        sleep(Duration::from_millis(150)).await;
        "a future's value"
    })?;
    row("run_until_complete(future)", answer);
    let stopper = event_loop.clone();
    event_loop.call_later(Duration::from_millis(100), move || stopper.stop())?;
    row("run_forever(), until stop()", event_loop.run_forever()?);

    // Closing it.
    row("close(), was all done?", event_loop.close()?.is_clean());
    row("is_closed()", event_loop.is_closed());
    row("call_soon, closed", event_loop.call_soon(|| ()).map_err(|error| error.to_string()).err());
    Ok(())
}
