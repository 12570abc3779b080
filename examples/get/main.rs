//! Step 18: a client worth using: `get [OPTION...] URL`. `get -h` says what it can.
//!
//! It ends with 0; with 4 or 5 if the status is one of 4xx or 5xx; with 1 if there is no response,
//! or not all of it; with 2 if it was called wrongly.

mod options;
mod progress;
mod shown;

use std::fs::File;
use std::io::{self, Write};
use std::process::ExitCode;

use evloop::http::{ClientSession, ClientTimeout};

use options::Options;
use progress::Progress;

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(said) => {
            eprintln!("{said}");
            return ExitCode::from(2);
        }
    };
    if options.help {
        println!("{}", options::USAGE);
        return ExitCode::SUCCESS;
    }
    let got = evloop::run(get(options)).map_err(Into::into).and_then(|got| got);
    match got {
        Ok(status) => ExitCode::from(if status < 400 { 0 } else { (status / 100) as u8 }),
        Err(error) => {
            eprintln!("get: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The status of the response, whose body is where it should be by now.
async fn get(options: Options) -> Result<u16, Box<dyn std::error::Error>> {
    let mut session = ClientSession::builder().trust_env(true).timeout(ClientTimeout {
        // What is long may take its time, as long as it goes on.
        total: None,
        sock_read: Some(options.patience),
        sock_write: Some(options.patience),
        ..ClientTimeout::default()
    });
    if options.verbose {
        session = session.trace(shown::stages);
    }
    let mut response = options.request(&session.build()?)?.await?;
    let status = response.status().as_u16();
    let unwritable = |error: io::Error| match &options.output {
        Some(path) => format!("cannot write {}: {error}", path.display()),
        None => format!("cannot write to standard output: {error}"),
    };
    let mut out: Box<dyn Write> = match &options.output {
        Some(path) => Box::new(File::create(path).map_err(unwritable)?),
        None => Box::new(io::stdout().lock()),
    };
    if options.include {
        out.write_all(shown::head(&response).as_bytes()).map_err(unwritable)?;
    }
    let mut progress = Progress::new(&options, response.content_length());
    while let Some(piece) = response.chunk().await? {
        out.write_all(&piece).map_err(unwritable)?;
        progress.came(piece.len());
    }
    out.flush().map_err(unwritable)?;
    Ok(status)
}
