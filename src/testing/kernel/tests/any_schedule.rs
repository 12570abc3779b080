//! Claims about every schedule.

use super::*;
use crate::testing::{FaultKind, Rng, ScheduleParams, Verdict};

/// How many schedules each claim is tried with.
const CASES: u64 = 200;

fn try_all<F: Future<Output = bool> + 'static>(
    params: &ScheduleParams,
    program: impl Fn(World) -> F,
) {
    for case in 0..CASES {
        let schedule = params.draw(&mut Rng::of_case(1, case));
        let report = Sim::new(schedule.clone()).run(&program);
        let verdict = report.verdict();
        let said = matches!(report.outcome, Outcome::Done(true));
        assert!(
            said && verdict == Verdict::Pass,
            "case {case}, \"{schedule}\": {verdict}, {:?} {:?}",
            report.outcome,
            report.violations
        );
    }
}

/// Three clients of an echo over links that vary, with small buffers.
async fn three_clients(world: World) -> Vec<std::io::Result<Vec<u8>>> {
    let link = Link { latency: Duration::ZERO..9 * MS, ..Link::default() };
    world.link(anywhere(), anywhere(), link.with_bandwidth(40).with_buffers(50, 70));
    let server = echo(server()).await;
    let client = |byte: u8| async move {
        let (mut reader, mut writer) = crate::open_connection(super::server()).await?;
        writer.write(&[byte; 200])?;
        writer.write_eof();
        reader.read_to_end().await
    };
    let clients = [1, 2, 3].map(|byte| crate::spawn(client(byte)));
    let mut answers = Vec::new();
    for client in clients {
        answers.push(client.await.unwrap());
    }
    server.close();
    server.wait_closed().await;
    answers
}

#[test]
fn faults_that_a_correct_program_does_not_notice_are_not_noticed() {
    try_all(&ScheduleParams::default(), |world| async {
        let answers = three_clients(world).await;
        answers.into_iter().zip(1..).all(|(answer, byte)| answer.unwrap() == [byte; 200])
    });
}

#[test]
fn whatever_else_happens_every_client_has_an_answer_or_an_error_and_nothing_is_left() {
    let loud = ScheduleParams { kinds: FaultKind::ALL, ..ScheduleParams::default() };
    // What is left would be an oracle's complaint.
    try_all(&loud, |world| async { three_clients(world).await.len() == 3 });
}
