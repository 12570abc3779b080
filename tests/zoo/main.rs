//! The bug zoo's workloads: small programs with claims of their own, on drawn schedules, under every
//! oracle.
//!
//! `cargo test` runs some thousands of them on the loop as it is, which must pass all. Built with
//! `--cfg evloop_zoo` this lets out one bug after the other, and must find each:
//! `tools/check-zoo.sh`.

mod case;
mod clean;
#[cfg(evloop_zoo)]
mod hunt;
mod play;
mod step;

fn main() -> std::process::ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["soak", cases] => clean::soak(cases.parse().expect("how many cases")),
        #[cfg(evloop_zoo)]
        ["hunt"] => hunt::all(),
        #[cfg(evloop_zoo)]
        ["hunt", number] => hunt::one(number.parse().expect("the number of a bug")),
        _ => clean::soak(3000),
    }
}
