//! Step 18: a client worth using: `get [OPTION...] URL`. `get -h` says what it can.
//!
//! It ends with 0; with 4 or 5 if the status is one of 4xx or 5xx; with 1 if there is no response,
//! or not all of it; with 2 if it was called wrongly.

mod options;
mod progress;

use std::fs::File;
use std::io::{self, Write};
use std::process::ExitCode;

use evloop::http::{ClientResponse, ClientSession, ClientTimeout};

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
    let session = ClientSession::builder().trust_env(true).timeout(ClientTimeout {
        // A long download may take its time, as long as it goes on.
        total: None,
        sock_read: Some(options.patience),
        ..ClientTimeout::default()
    });
    let response = options.request(&session.build()?)?.await?;
    let status = response.status().as_u16();
    let mut out: Box<dyn Write> = match &options.output {
        Some(path) => {
            let file = File::create(path);
            Box::new(file.map_err(|error| format!("cannot write {}: {error}", path.display()))?)
        }
        None => Box::new(io::stdout().lock()),
    };
    if options.include {
        out.write_all(head_of(&response).as_bytes())?;
    }
    let progress = Progress::new(&options, response.content_length());
    copy(response, &mut out, progress).await?;
    Ok(status)
}

fn head_of(response: &ClientResponse) -> String {
    let mut head = format!("{:?} {}\n", response.version(), response.status());
    for (name, value) in response.headers() {
        head += &format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes()));
    }
    head + "\n"
}

async fn copy(
    mut response: ClientResponse,
    out: &mut dyn Write,
    mut progress: Progress,
) -> Result<(), Box<dyn std::error::Error>> {
    while let Some(piece) = response.chunk().await? {
        out.write_all(&piece)?;
        progress.came(piece.len());
    }
    Ok(out.flush()?)
}
