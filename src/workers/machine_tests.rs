use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

const POLICY: Policy = Policy {
    first_rest: SECOND,
    longest_rest: Duration::from_secs(5),
    healthy: Duration::from_secs(100),
    limit: 4,
    deadline: Duration::from_secs(30),
};

fn at(seconds: u64) -> Time {
    Time::ZERO + Duration::from_secs(seconds)
}

fn died() -> End {
    End::Died(String::from("x"))
}

/// Without what is only told.
fn orders(actions: Vec<Action>) -> Vec<Action> {
    actions.into_iter().filter(|action| !matches!(action, Action::Tell(_))).collect()
}

/// Two workers that are ready.
fn open() -> Machine {
    let (mut machine, actions) = Machine::new(2, POLICY);
    assert_eq!(actions, [Action::Start(0), Action::Start(1)]);
    machine.step(at(0), Input::Ready(0));
    let told = machine.step(at(0), Input::Ready(1));
    assert_eq!(told.last(), Some(&Action::Tell(WorkerEvent::AllReady)));
    machine
}

#[test]
fn a_worker_that_died_rests_twice_as_long_each_time_up_to_a_bound() {
    let mut machine = open();
    let mut now = 0;
    for rest in [1, 2, 4, 5] {
        assert_eq!(orders(machine.step(at(now), Input::Ended(0, died()))), []);
        assert_eq!(machine.next_deadline(), Some(at(now + rest)));
        assert_eq!(orders(machine.step(at(now + rest - 1), Input::Tick)), []);
        now += rest;
        assert_eq!(orders(machine.step(at(now), Input::Tick)), [Action::Start(0)]);
        machine.step(at(now), Input::Ready(0));
    }
    assert_eq!(machine.restarts, 4);
    let given_up = machine.step(at(now), Input::Ended(0, died()));
    assert_eq!(orders(given_up), [Action::Drain(1)], "five in a row are one too many");
    machine.step(at(now), Input::Ended(1, End::Drained));
    let why = String::from("x");
    let failure = Failure::GaveUp { worker: 0, deaths: 5, why };
    assert_eq!(machine.outcome(), Some(Err(failure)));
}

#[test]
fn a_death_after_a_healthy_time_begins_a_new_row() {
    let mut machine = open();
    for round in 1..=20 {
        let now = round * 200;
        machine.step(at(now), Input::Ended(0, died()));
        assert_eq!(orders(machine.step(at(now + 1), Input::Tick)), [Action::Start(0)]);
        machine.step(at(now + 1), Input::Ready(0));
    }
    assert_eq!(machine.outcome(), None);
}

#[test]
fn a_death_before_all_are_ready_fails_the_start_with_its_words() {
    let (mut machine, _) = Machine::new(2, POLICY);
    machine.step(at(0), Input::Ready(0));
    let orders = orders(machine.step(at(0), Input::Ended(1, End::Died("taken".into()))));
    assert_eq!(orders, [Action::Drain(0)]);
    machine.step(at(0), Input::Ended(0, End::Done));
    let failure = Failure::Start { worker: 1, why: String::from("taken") };
    assert_eq!(machine.outcome(), Some(Err(failure)));
}

#[test]
fn sigterm_drains_and_the_deadline_kills_who_is_left() {
    let mut machine = open();
    let drained = orders(machine.step(at(1), Input::Terminate));
    assert_eq!(drained, [Action::Drain(0), Action::Drain(1)]);
    assert_eq!(orders(machine.step(at(2), Input::Terminate)), [], "once is enough");
    assert_eq!(machine.next_deadline(), Some(at(31)));
    assert_eq!(orders(machine.step(at(3), Input::Ended(0, died()))), [], "nobody comes back");
    assert_eq!(orders(machine.step(at(31), Input::Tick)), [Action::Kill(1)]);
    assert_eq!((machine.outcome(), machine.next_deadline()), (None, None));
    machine.step(at(31), Input::Ended(1, died()));
    assert_eq!(machine.outcome(), Some(Ok(WorkersEnded::Drained)));
    assert_eq!(machine.killed, 1);
}

#[test]
fn ctrl_c_asks_all_to_quit_also_while_they_drain_and_the_second_kills() {
    let mut machine = open();
    machine.step(at(1), Input::Terminate);
    let asked = orders(machine.step(at(2), Input::Interrupt));
    assert_eq!(asked, [Action::Quit(0), Action::Quit(1)]);
    let killed = orders(machine.step(at(3), Input::Interrupt));
    assert_eq!(killed, [Action::Kill(0), Action::Kill(1)]);
    assert_eq!(orders(machine.step(at(4), Input::Interrupt)), []);
    machine.step(at(4), Input::Ended(0, died()));
    machine.step(at(4), Input::Ended(1, died()));
    assert_eq!(machine.outcome(), Some(Ok(WorkersEnded::Interrupted)));
}

#[test]
fn who_is_done_stays_away_and_who_was_drained_by_others_is_replaced_at_once() {
    let mut machine = open();
    let replaced = orders(machine.step(at(1), Input::Ended(0, End::Drained)));
    assert_eq!(replaced, [Action::Start(0)]);
    machine.step(at(1), Input::Ready(0));
    assert_eq!(orders(machine.step(at(1), Input::Ended(0, End::Done))), []);
    assert_eq!(orders(machine.step(at(1), Input::Ended(1, End::Done))), []);
    assert_eq!(machine.outcome(), Some(Ok(WorkersEnded::Finished)));
}

/// The processes as the machine has ordered them: made or not.
fn obey(processes: &mut [bool], actions: &[Action]) {
    for action in actions {
        match *action {
            Action::Start(worker) => {
                assert!(!processes[worker], "one process a worker");
                processes[worker] = true;
            }
            Action::Drain(worker) | Action::Quit(worker) | Action::Kill(worker) => {
                assert!(processes[worker], "only who is there is told");
            }
            Action::Tell(_) => {}
        }
    }
}

proptest! {
    #[test]
    fn whatever_happens_it_ends_with_nobody_left_and_never_waits_for_nothing(
        events in prop::collection::vec((0..8u8, 0..3usize, 0..20u64), 0..60),
    ) {
        let (mut machine, actions) = Machine::new(3, POLICY);
        let (mut processes, mut now) = ([false; 3], 0);
        obey(&mut processes, &actions);
        let ends = (0..4).map(|_| (0, 0, 100));
        for (what, worker, later) in events.into_iter().chain(ends) {
            now += later;
            let input = match what {
                0..=2 if processes[worker] => Input::Ready(worker),
                3..=5 if processes[worker] => {
                    processes[worker] = false;
                    let end = [died(), End::Done, End::Drained][usize::from(what) - 3].clone();
                    Input::Ended(worker, end)
                }
                6 => Input::Terminate,
                7 => Input::Interrupt,
                _ => Input::Tick,
            };
            obey(&mut processes, &machine.step(at(now), input));
            let nobody = !processes.contains(&true);
            let over = machine.outcome().is_some();
            prop_assert!(!over || nobody, "over, and somebody is left");
            let waits = machine.next_deadline().is_some();
            prop_assert!(over || waits || !nobody, "it waits for nobody, for ever");
        }
        obey(&mut processes, &machine.step(at(now), Input::Interrupt));
        obey(&mut processes, &machine.step(at(now), Input::Interrupt));
        for worker in 0..3 {
            if processes[worker] {
                processes[worker] = false;
                obey(&mut processes, &machine.step(at(now), Input::Ended(worker, died())));
            }
        }
        prop_assert!(machine.outcome().is_some());
    }
}
