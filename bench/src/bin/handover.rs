//! A lock that many tasks want: that every hand-over happens, in turn, and nothing is left.
//!
//! ```text
//! bench-handover [COUNT [TASKS]]          1000000 hand-overs among 100 tasks, if nothing is said
//! ```
//!
//! The lock guards the number of whoever has it next, so a hand-over out of turn is seen. One line:
//! `{"hand_overs":…,"tasks":…,"ns_per_op":…,"out_of_turn":…,"kb":[before,after]}`, resident memory after a warm-up and at
//! the end; status 1 if one is missing or came out of turn.

use std::process::ExitCode;
use std::time::Instant;

use evloop::{Lock, spawn, yield_now};

fn number(at: usize, otherwise: usize) -> usize {
    std::env::args().nth(at).map_or(otherwise, |word| word.parse().expect("a number"))
}

/// Resident kilobytes. (Linux)
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse().unwrap_or(0)
}

/// What the lock guards.
#[derive(Default)]
struct Turns {
    next: usize,
    taken: usize,
    out_of_turn: usize,
}

/// Takes the lock so many times, and expects to be the next each time.
async fn take(lock: Lock<Turns>, me: usize, tasks: usize, times: usize) {
    for _ in 0..times {
        let mut turns = lock.acquire().await;
        turns.out_of_turn += usize::from(turns.next != me);
        turns.next = (me + 1) % tasks;
        turns.taken += 1;
        // The others come to wait meanwhile.
        yield_now().await;
    }
}

async fn rounds(tasks: usize, times: usize) -> Turns {
    let lock = Lock::with(Turns::default());
    let waiting: Vec<_> =
        (0..tasks).map(|me| spawn(take(lock.clone(), me, tasks, times))).collect();
    for task in waiting {
        task.await.expect("no task panics");
    }
    std::mem::take(&mut *lock.acquire().await)
}

fn main() -> ExitCode {
    let (count, tasks) = (number(1, 1_000_000), number(2, 100));
    let times = count / tasks;
    let (turns, ns, kb) = evloop::run(async move {
        rounds(tasks, times / 10).await;
        let (before, begun) = (resident(), Instant::now());
        let turns = rounds(tasks, times).await;
        (turns, begun.elapsed().as_nanos() as usize, [before, resident()])
    })
    .expect("the loop runs");
    let (done, wrong) = (turns.taken, turns.out_of_turn);
    println!(
        "{{\"hand_overs\":{done},\"tasks\":{tasks},\"ns_per_op\":{},\"out_of_turn\":{wrong},\"kb\":{kb:?}}}",
        ns / done.max(1)
    );
    ExitCode::from(u8::from(done != times * tasks || wrong > 0))
}
