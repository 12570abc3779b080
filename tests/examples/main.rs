//! The ladder of examples: each prints what stands beside it, and what the tutorial's program
//! prints. A new example is a folder, a line in `examples/README.md`, and a few lines here.

#[cfg(feature = "ws")]
mod chat;
mod get;
mod harness;
mod servers;
mod web;
mod workers;

use std::fs;

use harness::{Order, explains, folder, ladder, prints, prints_as_the_tutorial, read, tutorial};

/// No example is longer, so that each can be read in two minutes.
const LONGEST: usize = 80;

macro_rules! printing {
    ($($test:ident: $name:ident $order:ident;)*) => {
        $(#[test]
        fn $test() {
            prints(stringify!($name), Order::$order);
        })*
    };
}

printing! {
    serial_prints_one_function_after_the_other: serial Exact;
    threads_print_both_in_some_order: threads Any;
    processes_print_both_in_some_order: processes Any;
    generators_resumed_by_hand_take_turns: generators_by_hand Exact;
    the_loop_of_a_few_lines_takes_turns_too: hand_loop Exact;
    callbacks_run_in_the_order_they_were_queued: call_soon Exact;
    timers_fire_by_their_deadlines: timers Exact;
    the_selector_tells_what_is_ready: selector Exact;
    every_method_of_the_loop_answers: loop_methods Exact;
    one_coroutine_sleeps_three_times: coroutine_sleep Exact;
    two_coroutines_share_one_thread: two_tasks Exact;
    a_written_out_state_machine_does_what_its_twin_does: generator_coroutines Exact;
    one_future_is_polled_by_hand: waker_anatomy Exact;
    a_server_lets_idle_clients_go_and_waits_for_busy_ones: graceful_shutdown Exact;
    drain_keeps_what_waits_small: backpressure Exact;
    each_cancelled_task_cleans_up_in_its_own_way: cancellation Exact;
    programs_are_awaited_while_somebody_counts: subprocess Exact;
}

#[cfg(feature = "testing")]
printing! {
    a_lost_wake_up_is_found_shrunk_and_explained: proptest_scheduler Exact;
}

macro_rules! explained {
    ($($test:ident: $name:ident;)*) => {
        $(#[test]
        fn $test() {
            explains(stringify!($name));
        })*
    };
}

explained! {
    callbacks_are_explained: call_soon;
    timers_are_explained: timers;
    the_loops_methods_are_explained: loop_methods;
    the_sleeps_are_explained: coroutine_sleep;
    two_tasks_are_explained: two_tasks;
    the_state_machines_are_explained: generator_coroutines;
}

#[test]
fn the_tutorials_programs_print_the_same() {
    prints_as_the_tutorial("serial", "tutorial.py", Order::Exact);
    prints_as_the_tutorial("threads", "tutorial.py", Order::Any);
    prints_as_the_tutorial("processes", "tutorial.py", Order::Any);
    prints_as_the_tutorial("generators_by_hand", "tutorial.py", Order::Exact);
    prints_as_the_tutorial("hand_loop", "../generators_by_hand/tutorial.py", Order::Exact);
    prints_as_the_tutorial("coroutine_sleep", "tutorial.py", Order::Exact);
}

#[test]
fn the_tutorials_two_tasks_print_the_same_but_for_the_names_of_threads() {
    let Some(printed) = tutorial("two_tasks", "tutorial_3_11.py", (3, 14)) else { return };
    let ours = printed.lines().map(|line| match line.contains("_MainThread(MainThread") {
        true => "[main]\n".to_string(),
        false => format!("{line}\n"),
    });
    assert_eq!(ours.collect::<String>(), read(&folder("two_tasks").join("expected.txt")));
}

#[test]
fn the_tutorials_generator_coroutines_take_turns_as_both_of_ours_do() {
    let Some(printed) = tutorial("generator_coroutines", "tutorial_3_11.py", (3, 14)) else {
        return;
    };
    let steps = |text: &str| {
        let steps = text.lines().filter(|line| line.starts_with("a.x") || line.starts_with("b.x"));
        steps.map(String::from).collect::<Vec<_>>()
    };
    let ours = steps(&read(&folder("generator_coroutines").join("expected.txt")));
    assert_eq!(ours, [steps(&printed), steps(&printed)].concat());
}

#[test]
fn every_example_is_on_the_ladder_has_a_readme_and_is_short() {
    let steps = read(&ladder().join("README.md"));
    for entry in fs::read_dir(ladder()).expect("there are examples") {
        let path = entry.expect("a folder can be read").path();
        if !path.is_dir() {
            continue;
        }
        let name = path.file_name().expect("it has a name").to_string_lossy().into_owned();
        assert!(steps.contains(&format!("]({name}/)")), "examples/README.md lacks {name}");
        assert!(path.join("README.md").exists(), "{name} has no README.md");
        let lines = read(&path.join("main.rs")).lines().count();
        assert!(lines <= LONGEST, "{name} has {lines} lines; {LONGEST} are readable");
    }
}
