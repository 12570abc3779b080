//! The HTTP client before the HTTP server, over a network that is slow, small and may break.

use std::time::Duration;

use evloop::testing::{FaultKind, Link, ScheduleParams, World, check, schedule, schedule_with};
use evloop::web::{Application, ClientError, ClientSession, Method, Request, Response};
use evloop::yield_now;
use proptest::collection::vec;
use proptest::prelude::*;

/// What breaks a connection, and what cuts what it carries.
const BREAKING: &[FaultKind] =
    &[FaultKind::Reset, FaultKind::Reset, FaultKind::Short, FaultKind::Again, FaultKind::Aborted];

/// One exchange: the method, the size of the request's body, and that of the answer's.
type Wanted = (bool, usize, usize);

/// Says how much it got, after a step or at once, and as much as it was asked for.
async fn mirror(request: Request) -> Response {
    let size = request.match_info().get("size").and_then(|it| it.parse().ok()).unwrap_or(0);
    if size % 2 == 1 {
        yield_now().await;
    }
    let got = match request.read().await {
        Ok(body) => body.len(),
        Err(error) => return Response::error(error.status(), error),
    };
    Response::text("x".repeat(size)).header("got", got.to_string())
}

async fn exchange(session: &ClientSession, (post, up, down): Wanted) -> Result<(), ClientError> {
    let method = if post { Method::POST } else { Method::GET };
    let url = format!("http://127.0.0.1:80/{down}");
    let request = session.request(method, &url);
    let up = if post { up } else { 0 };
    let response = if post { request.body(vec![b'y'; up]).await? } else { request.await? };
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers().get("got").expect("a field"), &up.to_string()[..]);
    let body = response.bytes().await?;
    assert_eq!(body, "x".repeat(down).as_bytes());
    Ok(())
}

/// How the exchanges ended, one after the other on one session.
async fn dialogue(world: World, wanted: Vec<Wanted>) -> Vec<Result<(), String>> {
    let anywhere = ([0, 0, 0, 0], 0).into();
    let latency = Duration::from_millis(1)..Duration::from_millis(9);
    world.link(anywhere, anywhere, Link { latency, ..Link::default() }.with_buffers(64, 64));
    let mut app = Application::new();
    app.router().add_get("/{size}", mirror).add_post("/{size}", mirror);
    let server = app.serve(("127.0.0.1", 80)).await.expect("a server");
    let session = ClientSession::new();
    let mut ended = Vec::new();
    for one in wanted {
        ended.push(exchange(&session, one).await.map_err(|error| error.to_string()));
    }
    session.close();
    server.shutdown(Duration::from_secs(5)).await;
    ended
}

fn wanted() -> impl Strategy<Value = Vec<Wanted>> {
    vec((any::<bool>(), 0..300_usize, 0..300_usize), 1..4)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_request_is_answered_right_however_the_network_cuts(
        wanted in wanted(),
        schedule in schedule(),
    ) {
        let count = wanted.len();
        let ended = check(schedule, move |world| dialogue(world, wanted))?;
        prop_assert_eq!(ended, vec![Ok(()); count]);
    }

    #[test]
    fn every_request_is_answered_right_or_fails_when_connections_are_reset(
        wanted in wanted(),
        schedule in schedule_with(ScheduleParams { kinds: BREAKING, ..ScheduleParams::default() }),
    ) {
        let count = wanted.len();
        let ended = check(schedule, move |world| dialogue(world, wanted))?;
        prop_assert_eq!(ended.len(), count);
    }
}
