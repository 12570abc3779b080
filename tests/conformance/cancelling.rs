//! Cancelling, groups of tasks, and timeouts.

use evloop::{
    Cancelled, ReturnWhen, Task, cancel_scope, gather, get_running_loop, run, sleep, spawn,
    timeout, try_gather, wait, yield_now,
};

use crate::log::Log;
use crate::tasks::{ms, turns};

/// As good as for ever.
fn long() -> evloop::Sleep {
    sleep(ms(3_600_000))
}

pub fn cancel_before_begin(log: &Log) {
    let log = log.clone();
    let main = async move {
        let told = log.clone();
        let task = spawn(async move { told.say("never") });
        say!(log, task.cancel(), task.cancelled(), task.done());
        yield_now().await;
        say!(log, task.cancelled(), task.cancel());
    };
    run(main).unwrap();
}

pub fn cancel_is_heard_where_it_waits(log: &Log) {
    let log = log.clone();
    let main = async move {
        let told = log.clone();
        let mut task = spawn(async move {
            let slept = cancel_scope(long()).await;
            if slept.is_err() {
                told.say("heard");
                yield_now().await;
                told.say("cleaned up");
            }
            slept
        });
        yield_now().await;
        say!(log, task.cancel(), task.done());
        log.say("asked");
        if let Err(Cancelled) = (&mut task).await.unwrap_or(Err(Cancelled)) {
            say!(log, "cancelled", task.cancelled());
        }
    };
    run(main).unwrap();
}

pub fn cancel_swallowed(log: &Log) {
    let log = log.clone();
    let main = async move {
        let told = log.clone();
        let mut task = spawn(async move {
            if cancel_scope(long()).await.is_err() {
                told.say("swallowed");
            }
            yield_now().await;
            "value"
        });
        yield_now().await;
        task.cancel();
        say!(log, (&mut task).await.unwrap(), task.cancelled());
    };
    run(main).unwrap();
}

pub fn cancel_twice(log: &Log) {
    let log = log.clone();
    let main = async move {
        let (told, me) = (log.clone(), get_running_loop().unwrap().create_future::<()>());
        let mut task = spawn(async move {
            let heard = cancel_scope(long()).await.is_err();
            me.set_result(()).unwrap();
            yield_now().await;
            told.say(if heard { "goes on" } else { "never" });
        });
        yield_now().await;
        say!(log, task.cancel(), task.cancel(), task.cancelling());
        yield_now().await;
        // A task has no name of itself: whoever holds its handle counts its requests.
        say!(log, "heard", task.cancelling());
        say!(log, "left", task.uncancel());
        (&mut task).await.unwrap();
        say!(log, task.cancelled());
    };
    run(main).unwrap();
}

pub fn cancel_of_itself(log: &Log) {
    let log = log.clone();
    let main = async move {
        let handle = std::rc::Rc::new(std::cell::RefCell::new(None::<Task<&str>>));
        let itself = handle.clone();
        let task = spawn(async move {
            itself.borrow().as_ref().unwrap().cancel();
            "value"
        });
        handle.replace(Some(task));
        yield_now().await;
        let mut task = handle.take().unwrap();
        if (&mut task).await.is_err_and(|error| error.is_cancelled()) {
            say!(log, "cancelled", task.cancelled());
        }
    };
    run(main).unwrap();
}

pub fn cancel_of_what_is_awaited(log: &Log) {
    let log = log.clone();
    let main = async move {
        let future = get_running_loop().unwrap().create_future::<()>();
        let awaited = future.clone();
        let task = spawn(async move { (&awaited).await });
        yield_now().await;
        say!(log, future.cancel());
        if task.await.unwrap().is_err() {
            log.say("cancelled");
        }
    };
    run(main).unwrap();
}

pub fn run_ends_what_is_left(log: &Log) {
    let told = log.clone();
    let main = async move {
        let log = told.clone();
        let child = spawn(async move {
            let slept = cancel_scope(long()).await;
            told.say("a heard");
            yield_now().await;
            told.say("a cleaned up");
            slept
        });
        yield_now().await;
        say!(log, "main ends", [child].len());
        "value"
    };
    say!(log, run(main).unwrap());
}

pub fn gather_order(log: &Log) {
    let log = log.clone();
    let main = async move {
        let naps = [9, 3, 6].map(|milliseconds: u64| {
            let log = log.clone();
            async move {
                sleep(ms(milliseconds)).await;
                say!(log, "ends", milliseconds);
                milliseconds
            }
        });
        log.say(format!("{:?}", gather(naps).await.unwrap()));
    };
    run(main).unwrap();
}

pub fn gather_fails(log: &Log) {
    let log = log.clone();
    let main = async move {
        let naps =
            [("a", 4, false), ("b", 1, true), ("c", 6, false)].map(|(name, steps, fails)| {
                let log = log.clone();
                async move {
                    turns(steps).await;
                    say!(log, name, "ends");
                    if fails { Err(name) } else { Ok(()) }
                }
            });
        if let Err(error) = try_gather(naps).await {
            say!(log, "gather failed:", error.to_string());
        }
        turns(8).await;
        log.say("main ends");
    };
    run(main).unwrap();
}

pub fn gather_cancelled(log: &Log) {
    let log = log.clone();
    let main = async move {
        let told = log.clone();
        let task = spawn(async move {
            let children = ["a ends", "b ends"].map(|line| {
                let told = told.clone();
                async move {
                    let _finally = told.finally(line);
                    long().await;
                }
            });
            gather(children).await
        });
        turns(2).await;
        task.cancel();
        if task.await.is_err_and(|error| error.is_cancelled()) {
            log.say("cancelled");
        }
    };
    run(main).unwrap();
}

pub fn wait_for_the_first(log: &Log) {
    let log = log.clone();
    let main = async move {
        let tasks = [9, 1, 20].map(|steps| {
            let log = log.clone();
            spawn(async move {
                turns(steps).await;
                say!(log, "ends", steps);
            })
        });
        let waited = wait(tasks).return_when(ReturnWhen::FirstCompleted).await.unwrap();
        say!(log, waited.done.len(), waited.pending.len());
        let waited = wait(waited.pending).await.unwrap();
        say!(log, waited.done.len(), waited.pending.len());
    };
    run(main).unwrap();
}

pub fn wait_with_a_timeout(log: &Log) {
    let log = log.clone();
    let main = async move {
        let tasks = [("short", 1), ("long", 80)].map(|(name, milliseconds)| {
            let log = log.clone();
            spawn(async move {
                sleep(ms(milliseconds)).await;
                say!(log, name, "ends");
            })
        });
        let waited = wait(tasks).timeout(ms(30)).await.unwrap();
        say!(log, waited.done.len(), waited.pending.len());
        wait(waited.pending).await.unwrap();
    };
    run(main).unwrap();
}

pub fn timeout_expires(log: &Log) {
    let told = log.clone();
    let main = async move {
        let log = told.clone();
        let child = async move {
            let _finally = told.finally("cut short");
            long().await;
        };
        if timeout(ms(2), child).await.is_err() {
            log.say("timed out");
        }
        timeout(ms(60_000), async { log.say("in time") }).await.unwrap();
        yield_now().await;
        // What a timeout asks it asks its block, and not the task.
        say!(log, "goes on", 0);
    };
    run(main).unwrap();
}

pub fn timeout_within_a_timeout(log: &Log) {
    let log = log.clone();
    let main = async move {
        let told = log.clone();
        let outer = timeout(ms(60_000), async move {
            if timeout(ms(2), long()).await.is_err() {
                told.say("inner");
            }
            yield_now().await;
            told.say("outer goes on");
        });
        assert!(outer.await.is_ok());
        let told = log.clone();
        let outer = timeout(ms(2), async move {
            if timeout(ms(60_000), long()).await.is_err() {
                told.say("inner");
            }
        });
        if outer.await.is_err() {
            log.say("outer");
        }
    };
    run(main).unwrap();
}
