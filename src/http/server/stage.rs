//! Where a server's connection stands.
//!
//! ```text
//! from       BodyDue  Ready    Dispatched  Answered  Begins   Unread    Switches  Last       Ends
//! Reading    Due      –        Handling    Reading   –        Draining  –         Lingering  Over
//! Due        –        Reading  –           Reading   –        Draining  –         –          Over
//! Handling   –        –        –           Reading   Sending  Draining  Upgraded  –          Over
//! Sending    –        –        –           Reading   –        Draining  –         –          Over
//! Draining   –        –        –           Reading   –        –         –         –          Over
//! Upgraded   –        –        –           –         –        –         –         –          Over
//! Lingering  –        –        –           –         –        –         –         –          Over
//! Over       –        –        –           –         –        –         –         –          Over
//! ```

use std::rc::Rc;

use super::sending::Sending;
use crate::http::content::Incoming;
use crate::http::request::Request;
use crate::task::Task;
use crate::transport::Protocol;

/// Where a connection stands. The module's documentation has its table.
#[derive(Debug)]
pub(super) enum Stage {
    /// Between two requests, in the middle of a head, or about to answer without a handler.
    Reading,
    /// The head of this request has come. Its handler begins once what came with the head is
    /// parsed, so that it finds a small body there and need not wait for it.
    Due(Request),
    /// A handler has the request, and nothing of the answer is sent.
    Handling(Exchange),
    /// The answer's head is sent, and its body is being sent.
    Sending(Box<(Exchange, Rc<Sending>)>),
    /// The answer is sent; the rest of the request's body is dropped, so many bytes at most, so
    /// that another request can follow.
    Draining(u64),
    /// The connection speaks another protocol.
    Upgraded(Box<Switched>),
    /// The last answer is given and the client is still sending: so many bytes more are dropped.
    Lingering(usize),
    /// Closed, or about to be.
    Over,
}

/// A request and its answer, under way.
#[derive(Debug, Default)]
pub(super) struct Exchange {
    /// The handler's task, if it waits.
    pub task: Option<Task<()>>,
    /// The request's body, if it has one.
    pub body: Option<Rc<Incoming>>,
    /// The client asked for another protocol.
    pub wants_upgrade: bool,
}

/// The protocol that a connection speaks in HTTP's stead.
pub(super) struct Switched {
    /// `None` while one of its methods runs.
    pub protocol: Option<Box<dyn Protocol>>,
    /// Whoever speaks it.
    pub task: Option<Task<()>>,
}

impl std::fmt::Debug for Switched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("another protocol")
    }
}

/// What moves it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cause {
    /// A head has come, and a body belongs to it.
    BodyDue,
    /// As much of the body is there as came with the head.
    Ready,
    /// A handler begins.
    Dispatched,
    /// The request has its whole answer, from a handler or without one, or its rest has been read.
    Answered,
    /// The answer has begun, and goes on.
    Begins,
    /// The request has its whole answer, and a part of it has not been read.
    Unread,
    /// The answer was a change of protocol.
    Switches,
    /// The last answer is given, and something was not read.
    Last,
    /// The connection is closed, lost or given up.
    Ends,
}

impl Stage {
    /// Whether `cause` can arise here and leads to `to`: the table.
    pub(super) fn leads_to(&self, cause: Cause, to: &Stage) -> bool {
        use Stage::*;
        match cause {
            Cause::BodyDue => matches!((self, to), (Reading, Due(_))),
            Cause::Ready => matches!((self, to), (Due(_), Reading)),
            Cause::Dispatched => matches!((self, to), (Reading, Handling(_))),
            Cause::Answered => matches!(
                (self, to),
                (Reading | Due(_) | Handling(_) | Sending(_) | Draining(_), Reading)
            ),
            Cause::Begins => matches!((self, to), (Handling(_), Sending(_))),
            Cause::Unread => {
                matches!((self, to), (Reading | Due(_) | Handling(_) | Sending(_), Draining(_)))
            }
            Cause::Switches => matches!((self, to), (Handling(_), Upgraded(_))),
            Cause::Last => matches!((self, to), (Reading, Lingering(_))),
            Cause::Ends => matches!(to, Over),
        }
    }

    /// The exchange under way.
    pub(super) fn exchange(&self) -> Option<&Exchange> {
        match self {
            Stage::Handling(exchange) => Some(exchange),
            Stage::Sending(sending) => Some(&sending.0),
            _ => None,
        }
    }

    /// Where the handler's task belongs.
    pub(super) fn task(&mut self) -> Option<&mut Option<Task<()>>> {
        match self {
            Stage::Handling(exchange) => Some(&mut exchange.task),
            Stage::Sending(sending) => Some(&mut sending.0.task),
            Stage::Upgraded(switched) => Some(&mut switched.task),
            _ => None,
        }
    }

    /// The body that is on its way to a reader.
    pub(super) fn body(&self) -> Option<&Rc<Incoming>> {
        match self {
            Stage::Due(request) => request.incoming(),
            stage => stage.exchange().and_then(|exchange| exchange.body.as_ref()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Weak;

    use super::*;
    use crate::http::Limits;
    use crate::http::h1::{Event, ServerConnection, Shared};

    fn request() -> Request {
        let input = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n";
        match ServerConnection::new(&Shared::default()).receive(input).unwrap() {
            (_, Event::Head(head)) => Request::new(head),
            (_, event) => panic!("{event:?}"),
        }
    }

    fn stages() -> [Stage; 8] {
        [
            Stage::Reading,
            Stage::Due(request()),
            Stage::Handling(Exchange::default()),
            Stage::Sending(Box::new((Exchange::default(), Sending::new(Weak::new())))),
            Stage::Draining(1),
            Stage::Upgraded(Box::new(Switched { protocol: None, task: None })),
            Stage::Lingering(1),
            Stage::Over,
        ]
    }

    fn name(stage: &Stage) -> String {
        let text = format!("{stage:?}");
        text.split('(').next().unwrap_or_default().to_owned()
    }

    #[test]
    fn the_table_in_the_docs_is_the_table_of_the_code() {
        use Cause::*;
        let causes = [BodyDue, Ready, Dispatched, Answered, Begins, Unread, Switches, Last, Ends];
        let stages = stages();
        let mut rows = vec![vec!["from".to_owned()]];
        rows[0].extend(causes.map(|cause| format!("{cause:?}")));
        for from in &stages {
            let cell = |cause| {
                let mut leads = stages.iter().filter(|to| from.leads_to(cause, to));
                let to = leads.next().map_or("–".to_owned(), name);
                assert!(leads.next().is_none(), "{from:?} at {cause:?} leads to two");
                to
            };
            rows.push(vec![name(from)]);
            rows.last_mut().unwrap().extend(causes.map(cell));
        }
        let table = table(&rows);
        assert!(include_str!("stage.rs").contains(&table), "the docs want:\n{table}");
    }

    fn table(rows: &[Vec<String>]) -> String {
        let width = |column: usize| rows.iter().map(|it| it[column].chars().count()).max().unwrap();
        let line = |row: &Vec<String>| {
            let cells = row
                .iter()
                .enumerate()
                .map(|(column, cell)| format!("{cell:<width$}  ", width = width(column)));
            format!("//! {}\n", cells.collect::<String>().trim_end())
        };
        rows.iter().map(line).collect()
    }

    #[test]
    fn a_body_is_found_wherever_its_request_is() {
        let body = Incoming::new(Weak::<Nobody>::new(), None, &Limits::default());
        struct Nobody(RefCell<()>);
        impl crate::http::content::Source for Nobody {
            fn wanted(self: Rc<Self>) {
                self.0.take();
            }
        }
        let mut due = request();
        due.set_incoming(body.clone());
        let exchange = || Exchange { body: Some(body.clone()), ..Exchange::default() };
        let with = [
            Stage::Due(due),
            Stage::Handling(exchange()),
            Stage::Sending(Box::new((exchange(), Sending::new(Weak::new())))),
        ];
        assert!(with.iter().all(|stage| stage.body().is_some()));
        assert!(stages().iter().all(|stage| stage.body().is_none()));
    }
}
