//! Tasks and futures.

use std::time::Duration;

use evloop::{Task, current_task, get_running_loop, run, sleep, spawn, to_thread, yield_now};

use crate::log::Log;

pub fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

pub fn soon(log: &Log, line: &str) {
    get_running_loop().unwrap().call_soon(log.note(line)).unwrap();
}

pub async fn turns(count: usize) {
    for _ in 0..count {
        yield_now().await;
    }
}

pub fn task_begins_later(log: &Log) {
    let log = log.clone();
    let main = async move {
        soon(&log, "queued before");
        let told = log.clone();
        let task = spawn(async move {
            told.say("child begins");
            "value"
        });
        soon(&log, "queued after");
        say!(log, "created", task.done());
        say!(log, task.await.unwrap(), true);
    };
    run(main).unwrap();
}

pub fn tasks_take_turns(log: &Log) {
    let log = log.clone();
    let main = async move {
        let counts = ["a", "b", "c"].map(|name| {
            let log = log.clone();
            async move {
                for number in 0..3 {
                    say!(log, name, number);
                    yield_now().await;
                }
            }
        });
        evloop::gather(counts).await.unwrap();
    };
    run(main).unwrap();
}

pub fn sleeps_wake_in_order(log: &Log) {
    let log = log.clone();
    let main = async move {
        let naps = [("long", 9), ("short", 3), ("middle", 6)].map(|(name, milliseconds)| {
            let log = log.clone();
            async move {
                sleep(ms(milliseconds)).await;
                log.say(name);
            }
        });
        evloop::gather(naps).await.unwrap();
    };
    run(main).unwrap();
}

pub fn done_callbacks(log: &Log) {
    let log = log.clone();
    let main = async move {
        let future = get_running_loop().unwrap().create_future::<i32>();
        let told = log.clone();
        future.add_done_callback(move |future| say!(told, "first", future.result().unwrap()));
        let second = log.note("second");
        future.add_done_callback(move |_| second());
        say!(log, "pending", future.done());
        future.set_result(7).unwrap();
        say!(log, "set", future.done());
        let late = log.note("added late");
        future.add_done_callback(move |_| late());
        log.say("no callback ran yet");
        yield_now().await;
        say!(log, future.result().unwrap());
    };
    run(main).unwrap();
}

pub fn future_states(log: &Log) {
    let log = log.clone();
    let main = async move {
        let event_loop = get_running_loop().unwrap();
        let future = event_loop.create_future::<i32>();
        future.set_result(1).unwrap();
        if future.set_result(2).is_err() {
            log.say("invalid state");
        }
        say!(log, future.cancel(), future.result().unwrap());
        let other = event_loop.create_future::<i32>();
        say!(log, other.cancel(), other.cancel(), other.cancelled(), other.done());
        let failed = event_loop.create_future::<i32>();
        failed.set_exception("as asked").unwrap();
        say!(log, failed.exception().unwrap().unwrap().to_string());
    };
    run(main).unwrap();
}

pub fn awaiting_what_is_done(log: &Log) {
    let log = log.clone();
    let main = async move {
        let future = get_running_loop().unwrap().create_future::<&str>();
        future.set_result("value").unwrap();
        soon(&log, "a callback");
        say!(log, (&future).await.unwrap());
        log.say("no turn has passed");
        yield_now().await;
        log.say("one has");
    };
    run(main).unwrap();
}

pub fn future_wakes_in_order(log: &Log) {
    let log = log.clone();
    let main = async move {
        let future = get_running_loop().unwrap().create_future::<&str>();
        let tasks = ["a", "b", "c"].map(|name| {
            let (log, future) = (log.clone(), future.clone());
            spawn(async move {
                say!(log, name, "waits");
                say!(log, name, (&future).await.unwrap());
            })
        });
        yield_now().await;
        future.set_result("woke").unwrap();
        log.say("set");
        for task in tasks {
            task.await.unwrap();
        }
    };
    run(main).unwrap();
}

pub fn task_that_fails(log: &Log) {
    let log = log.clone();
    let main = async move {
        let mut task: Task<Result<(), &str>> = spawn(async { Err("as asked") });
        if let Err(error) = (&mut task).await.unwrap() {
            say!(log, "caught", error);
        }
        say!(log, task.done(), task.cancelled());
    };
    run(main).unwrap();
}

pub fn task_names(log: &Log) {
    let log = log.clone();
    let main = async move {
        let all = || get_running_loop().unwrap().all_tasks().len();
        let task = spawn(yield_now());
        say!(log, task.name().split('-').next().unwrap());
        task.set_name("reader");
        say!(log, &*task.name(), all());
        task.await.unwrap();
        assert!(current_task().is_some());
        say!(log, all());
    };
    run(main).unwrap();
}

pub fn threads(log: &Log) {
    let log = log.clone();
    let blocks = |fails: bool| if fails { Err("as asked") } else { Ok(7) };
    let main = async move {
        say!(log, to_thread(move || blocks(false)).await.unwrap().unwrap());
        let failed = to_thread(move || blocks(true)).await.unwrap();
        say!(log, "failed:", failed.unwrap_err());
        let job = get_running_loop().unwrap().run_in_executor(None, move || blocks(false));
        say!(log, job.await.unwrap().unwrap());
    };
    run(main).unwrap();
}
