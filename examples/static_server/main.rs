//! Step 18: the files of a directory, on the web.
//!
//! `static_server [DIRECTORY [PORT]]`: the present directory and port 8000 unless said.

use std::env;
use std::process::ExitCode;

use evloop::web::{Application, StaticFiles, run_app};

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let directory = arguments.next().unwrap_or_else(|| ".".into());
    let port = arguments.next().unwrap_or_else(|| "8000".into());
    let (Ok(port), None) = (port.parse::<u16>(), arguments.next()) else {
        eprintln!("usage: static_server [DIRECTORY [PORT]]");
        return ExitCode::from(2);
    };
    let mut app = Application::new();
    let files = StaticFiles::new(directory).index_file("index.html").show_index(true);
    app.router().add_static("/", files);
    #[cfg(feature = "compression")]
    app.middleware(evloop::web::Compress::new());
    match run_app(app, ("127.0.0.1", port)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("static_server: {error}");
            ExitCode::FAILURE
        }
    }
}
