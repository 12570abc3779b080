//! Where a server's connection stands.
//!
//! ```text
//! from        BodyDue     BodyThere  Dispatched  Answered  Unread     Ends
//! Reading     Collecting  –          Handling    Reading   Lingering  Over
//! Collecting  –           Reading    –           Reading   –          Over
//! Handling    –           –          –           Reading   –          Over
//! Lingering   –           –          –           –         –          Over
//! Over        –           –          –           –         –          Over
//! ```

use crate::http::request::Request;
use crate::task::Task;

/// Where a connection stands. The module's documentation has its table.
#[derive(Debug)]
pub(super) enum Stage {
    /// Between two requests, in the middle of a head, or about to answer without a handler.
    Reading,
    /// The body of this request is on its way.
    Collecting(Request),
    /// A handler has the request; its task, if it waits.
    Handling(Option<Task<()>>),
    /// The last answer is given and the client is still sending: so many bytes more are dropped.
    Lingering(usize),
    /// Closed, or about to be.
    Over,
}

/// What moves it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cause {
    /// A head has come whose body has not.
    BodyDue,
    /// The body has.
    BodyThere,
    /// A handler begins.
    Dispatched,
    /// The request has its answer, from a handler or without one.
    Answered,
    /// The last answer is given, and something was not read.
    Unread,
    /// The connection is closed, lost or given up.
    Ends,
}

impl Stage {
    /// Whether `cause` can arise here and leads to `to`: the table.
    pub(super) fn leads_to(&self, cause: Cause, to: &Stage) -> bool {
        use Stage::{Collecting, Handling, Lingering, Over, Reading};
        match cause {
            Cause::BodyDue => matches!((self, to), (Reading, Collecting(_))),
            Cause::BodyThere => matches!((self, to), (Collecting(_), Reading)),
            Cause::Dispatched => matches!((self, to), (Reading, Handling(None))),
            Cause::Answered => {
                matches!((self, to), (Reading | Collecting(_) | Handling(_), Reading))
            }
            Cause::Unread => matches!((self, to), (Reading, Lingering(_))),
            Cause::Ends => matches!(to, Over),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::h1::{Event, ServerConnection, Shared};

    fn request() -> Request {
        let input = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n";
        match ServerConnection::new(&Shared::default()).receive(input).unwrap() {
            (_, Event::Head(head)) => Request::new(head),
            (_, event) => panic!("{event:?}"),
        }
    }

    fn name(stage: &Stage) -> String {
        let text = format!("{stage:?}");
        text.split('(').next().unwrap_or_default().to_owned()
    }

    #[test]
    fn the_table_in_the_docs_is_the_table_of_the_code() {
        use Cause::*;
        let stages = [
            Stage::Reading,
            Stage::Collecting(request()),
            Stage::Handling(None),
            Stage::Lingering(1),
            Stage::Over,
        ];
        let causes = [BodyDue, BodyThere, Dispatched, Answered, Unread, Ends];
        let mut table = row("from", causes.map(|cause| format!("{cause:?}")));
        for from in &stages {
            let cell = |cause| {
                let mut leads = stages.iter().filter(|to| from.leads_to(cause, to));
                let to = leads.next().map_or("–".to_owned(), name);
                assert!(leads.next().is_none(), "{from:?} at {cause:?} leads to two");
                to
            };
            table.push_str(&row(&name(from), causes.map(cell)));
        }
        assert!(include_str!("stage.rs").contains(&table), "the docs want:\n{table}");
    }

    fn row(first: &str, cells: [String; 6]) -> String {
        let [a, b, c, d, e, f] = cells;
        format!("//! {first:<11} {a:<11} {b:<10} {c:<11} {d:<9} {e:<10} {f}\n")
    }
}
