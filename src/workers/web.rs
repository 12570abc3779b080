//! A web application on many cores.

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::panic::Location;
use std::rc::Rc;

use super::event::{WorkerEvent, WorkersError, WorkersReport};
use super::supervisor::Supervisor;
use super::{Worker, Workers, reserve_port};
use crate::http::Application;

impl Workers {
    /// Serves on `address` the application that `make` makes, once in each worker, until Ctrl-C or
    /// SIGTERM. ([`run_app`](crate::http::run_app) for many cores)
    ///
    /// It prints where it listens, when all are ready. Requests under way have the
    /// [`deadline`](Workers::deadline) to end.
    ///
    /// # Errors
    ///
    /// As [`run`](Workers::run), and if the address cannot be bound.
    #[track_caller]
    pub fn run_app(
        self,
        make: impl Fn() -> Application + 'static,
        address: impl Into<SocketAddr>,
    ) -> Result<WorkersReport, WorkersError> {
        let port = reserve_port(address)?;
        let address = port.address();
        let make = Rc::new(make);
        let main = move |worker: Worker| {
            let app = make();
            async move {
                let server = app.serve(address).reuse_port(true).await?;
                worker.serve(&server).await?;
                Ok::<(), io::Error>(())
            }
        };
        let (mut listener, count, told) = (self.listener, self.count, Cell::new(false));
        let listener = Box::new(move |event: &WorkerEvent| {
            if *event == WorkerEvent::AllReady && !told.replace(true) {
                println!("======== Running on http://{address} in {count} processes ========");
                println!("(Press CTRL+C to quit)");
            }
            listener(event);
        });
        Supervisor::run(count, self.policy, main, listener, Location::caller())
    }
}
