//! Claims about the lifecycle machine.

use super::*;
use proptest::prelude::*;

const PHASES: [Phase; 11] = [
    Phase::New,
    Phase::Open,
    Phase::PeerFinished,
    Phase::Finishing,
    Phase::Finished,
    Phase::BothFinishing,
    Phase::BothFinished,
    Phase::Draining,
    Phase::Flushing,
    Phase::Closed,
    Phase::Lost,
];

const CAUSES: [Cause; 10] = [
    Cause::Made,
    Cause::EofKept,
    Cause::EofClosed,
    Cause::WriteEof,
    Cause::Close,
    Cause::Abort,
    Cause::Broken,
    Cause::SendFailed,
    Cause::Drained,
    Cause::Delivered,
];

fn cell(phase: Phase, cause: Cause) -> String {
    let to = phase.after(cause);
    if to == phase { ".".to_string() } else { format!("{to:?}") }
}

/// The transition table as the module's docs print it: a column as wide as its widest cell.
fn render_transitions() -> Vec<String> {
    let mut columns = vec![vec!["from".to_string()]];
    columns[0].extend(PHASES.iter().map(|phase| format!("{phase:?}")));
    for cause in CAUSES {
        let mut column = vec![format!("{cause:?}")];
        column.extend(PHASES.iter().map(|&phase| cell(phase, cause)));
        columns.push(column);
    }
    let row = |line: usize| {
        let cells = columns.iter().map(|column| {
            let width = column.iter().map(String::len).max().unwrap_or(0);
            format!("{:width$}", column[line])
        });
        format!("//! {}", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    (0..=PHASES.len()).map(row).collect()
}

#[test]
fn the_table_in_the_docs_is_the_table_in_the_code() {
    let table = render_transitions().join("\n");
    assert!(include_str!("lifecycle.rs").contains(&table), "the docs lack this table:\n{table}");
}

#[test]
fn the_list_of_phases_in_the_docs_says_who_reads_and_who_takes_writes() {
    for phase in PHASES {
        let word = |yes: bool| if yes { "yes" } else { "no" };
        let takes = phase.write_verdict() == WriteVerdict::Take;
        let name = format!("{phase:?}");
        let line = format!("//! {name:<15}{:<7}{}", word(phase.reads()), word(takes));
        assert!(include_str!("lifecycle.rs").contains(&line), "the docs lack: {line}");
    }
}

fn opened() -> Lifecycle {
    let mut life = Lifecycle::new();
    assert_eq!(life.on(Cause::Made, true).count(), 0);
    life
}

/// What `cause` makes an open transport do.
fn actions(life: &mut Lifecycle, cause: Cause, nothing_unsent: bool) -> Vec<Action> {
    life.on(cause, nothing_unsent).collect()
}

#[test]
fn transp_01_nothing_is_delivered_before_connection_made() {
    let mut life = Lifecycle::new();
    assert!(!life.may_deliver());
    life.on(Cause::Made, true).for_each(drop);
    assert!(life.may_deliver());
}

#[test]
fn a_connection_that_ends_before_connection_made_is_released_without_a_call() {
    for cause in [Cause::Close, Cause::Abort, Cause::Broken] {
        let mut life = Lifecycle::new();
        assert_eq!(actions(&mut life, cause, true), [Action::Release]);
        assert_eq!(life.phase(), Phase::Lost);
    }
}

#[test]
fn transp_04_pausing_twice_and_resuming_twice_are_idempotent() {
    let mut life = opened();
    assert!(life.pause_reading());
    assert!(!life.pause_reading());
    assert!(!life.is_reading());
    assert!(life.resume_reading());
    assert!(!life.resume_reading());
    assert!(life.is_reading());
    life.on(Cause::Close, false).for_each(drop);
    assert!(!life.is_reading());
    assert!(!life.pause_reading() && !life.resume_reading());
}

#[test]
fn a_pause_within_connection_made_outlasts_the_half_close_that_follows() {
    let mut life = opened();
    life.pause_reading();
    assert_eq!(actions(&mut life, Cause::WriteEof, true), [Action::SendFin]);
    assert!(!life.is_reading());
    assert!(life.resume_reading());
}

#[test]
fn transp_05_closing_with_nothing_unsent_schedules_connection_lost_once() {
    let mut life = opened();
    let all = [Action::StopReading, Action::StopWriting, Action::ScheduleLost];
    assert_eq!(actions(&mut life, Cause::Close, true), all);
    assert!(life.phase().is_closing());
    assert_eq!(actions(&mut life, Cause::Close, true), []);
}

#[test]
fn transp_06_closing_with_unsent_bytes_flushes_them_first() {
    let mut life = opened();
    assert_eq!(actions(&mut life, Cause::Close, false), [Action::StopReading]);
    assert!(life.phase().is_closing() && life.phase().sends());
    let end = [Action::StopWriting, Action::ScheduleLost];
    assert_eq!(actions(&mut life, Cause::Drained, true), end);
}

#[test]
fn transp_08_the_descriptor_is_released_when_connection_lost_has_been_delivered() {
    let mut life = opened();
    life.on(Cause::Abort, false).for_each(drop);
    assert_eq!(actions(&mut life, Cause::Delivered, true), [Action::Release]);
    assert_eq!(actions(&mut life, Cause::Delivered, true), []);
}

#[test]
fn transp_12_aborting_twice_and_closing_afterwards_is_harmless() {
    let mut life = opened();
    life.on(Cause::Abort, true).for_each(drop);
    assert_eq!(actions(&mut life, Cause::Abort, true), []);
    assert_eq!(actions(&mut life, Cause::Close, true), []);
    assert_eq!(life.phase(), Phase::Closed);
}

#[test]
fn half_01_an_eof_that_is_not_kept_closes() {
    let mut life = opened();
    life.on(Cause::EofClosed, true).for_each(drop);
    assert_eq!(life.phase(), Phase::Closed);
}

#[test]
fn half_02_an_eof_that_is_kept_stops_reading_and_leaves_writing() {
    let mut life = opened();
    assert_eq!(actions(&mut life, Cause::EofKept, true), [Action::StopReading]);
    assert_eq!(life.phase().write_verdict(), WriteVerdict::Take);
    assert_eq!(actions(&mut life, Cause::WriteEof, true), [Action::SendFin]);
    assert_eq!(life.phase(), Phase::BothFinished, "connection_lost comes only after close()");
}

#[test]
fn half_04_the_fin_waits_for_the_unsent_bytes() {
    let mut life = opened();
    assert_eq!(actions(&mut life, Cause::WriteEof, false), []);
    assert_eq!(actions(&mut life, Cause::Drained, true), [Action::SendFin]);
    assert!(life.is_reading());
}

#[test]
fn half_05_a_write_after_write_eof_is_the_callers_error() {
    let mut life = opened();
    life.on(Cause::WriteEof, false).for_each(drop);
    assert_eq!(life.phase().write_verdict(), WriteVerdict::AfterEof);
}

#[test]
fn half_06_write_eof_after_close_does_nothing() {
    let mut life = opened();
    life.on(Cause::Close, false).for_each(drop);
    assert_eq!(actions(&mut life, Cause::WriteEof, false), []);
    assert_eq!(life.phase(), Phase::Flushing);
}

#[test]
fn a_failed_send_forgets_what_is_unsent_and_goes_on_delivering() {
    let mut life = opened();
    let drain = [Action::StopReading, Action::StopWriting, Action::Drain];
    assert_eq!(actions(&mut life, Cause::SendFailed, false), drain);
    assert!(life.may_deliver() && life.phase().is_closing() && !life.is_reading());
    assert_eq!(actions(&mut life, Cause::SendFailed, true), [], "once");
    assert_eq!(actions(&mut life, Cause::Broken, true), [Action::ScheduleLost]);
}

#[test]
fn a_pause_ends_what_is_delivered_after_a_failed_send() {
    let mut life = opened();
    life.on(Cause::SendFailed, true).for_each(drop);
    assert!(!life.pause_reading(), "it is not watched");
    assert!(!life.may_deliver());
    assert!(!life.resume_reading() && life.may_deliver());
}

#[test]
fn of_a_peer_that_has_finished_nothing_is_drained() {
    let mut life = opened();
    life.on(Cause::EofKept, true).for_each(drop);
    let end = [Action::StopWriting, Action::ScheduleLost];
    assert_eq!(actions(&mut life, Cause::SendFailed, false), end);
}

/// How a life may be judged from outside: what its actions added up to so far.
#[derive(Default)]
struct Judge {
    made: bool,
    fin_sent: bool,
    drains: bool,
    lost_scheduled: bool,
    released: bool,
}

impl Judge {
    fn act(&mut self, action: Action, nothing_unsent: bool) {
        match action {
            Action::StopReading => assert!(!self.lost_scheduled),
            Action::SendFin => {
                assert!(nothing_unsent && !self.fin_sent && !self.lost_scheduled);
                self.fin_sent = true;
            }
            Action::StopWriting => assert!(!self.lost_scheduled && !self.drains),
            Action::Drain => {
                assert!(self.made && !self.drains && !self.lost_scheduled);
                self.drains = true;
            }
            Action::ScheduleLost => {
                assert!(self.made && !self.lost_scheduled);
                self.lost_scheduled = true;
            }
            Action::Release => {
                assert!(!self.released && self.made == self.lost_scheduled);
                self.released = true;
            }
        }
    }

    fn check(&self, life: &Lifecycle) {
        let phase = life.phase();
        assert!(!life.may_deliver() || (self.made && !self.lost_scheduled));
        let takes = phase.write_verdict() == WriteVerdict::Take;
        assert!(!(takes || phase.sends()) || !self.fin_sent, "a write after the FIN");
        assert!(!(takes && phase.is_closing()));
        assert!(!takes || phase.sends(), "what is taken must be sent");
        assert_eq!(self.released, phase == Phase::Lost);
        assert!(!self.lost_scheduled || phase.is_closing(), "closed is absorbing");
    }
}

proptest! {
    #[test]
    fn no_sequence_of_causes_breaks_the_grammar(
        steps in prop::collection::vec((prop::sample::select(&CAUSES[..]), any::<bool>()), 0..40),
    ) {
        let (mut life, mut judge) = (Lifecycle::new(), Judge::default());
        for (cause, nothing_unsent) in steps {
            let nothing_unsent = nothing_unsent || cause == Cause::Drained;
            judge.made |= cause == Cause::Made && life.phase() == Phase::New;
            for action in life.on(cause, nothing_unsent) {
                judge.act(action, nothing_unsent);
            }
            judge.check(&life);
        }
    }

    #[test]
    fn every_life_can_be_ended_by_abort_and_delivery(
        steps in prop::collection::vec(prop::sample::select(&CAUSES[..]), 0..20),
    ) {
        let mut life = Lifecycle::new();
        steps.into_iter().for_each(|cause| life.on(cause, false).for_each(drop));
        life.on(Cause::Abort, false).for_each(drop);
        life.on(Cause::Delivered, false).for_each(drop);
        prop_assert_eq!(life.phase(), Phase::Lost);
    }
}
