//! Files as responses: one ([`FileResponse`]), or a directory of them ([`StaticFiles`]).
//!
//! ```text
//!   path ──► Job ──► look: open, stat, siblings ──► Facts ──► plan (pure) ──► Response::file
//!             │      on the loop if it is in memory            304 412 206 416     sendfile(2)
//!             └────► else on a thread
//! ```
//!
//! **Off the loop.** Opening a file may wait for a disk or a network, and the loop must not.
//! aiohttp opens every file on a thread; handing a job to one and back costs more than
//! opening a cached file does. Linux can open a file only if that does not wait
//! (`RESOLVE_CACHED`), so a file whose path is in memory is opened on the spot, and any other on a
//! thread, as are all of them elsewhere. In a simulation, which has no threads, only the first kind
//! can be served.
//!
//! **What changes under way.** A file that is replaced (renamed over) is served as it was. One that
//! is written into while it is served is sent as it then is, and one that is cut short breaks the
//! connection: the length was promised, and the client must notice.
//!
//! **Validators.** The entity tag is aiohttp's: the time of modification in nanoseconds and the
//! size, both hexadecimal; that of a compressed sibling also names its coding. `Last-Modified`
//! counts seconds, so it is not sent until the second it names is over (and a moment more, since
//! file systems' clocks lag): two versions never have the same, and it may be used for ranges
//! (RFC 9110 §8.8.2.2).

mod coding;
mod listing;
mod look;
mod parts;
mod path;
mod plan;
#[cfg(any(test, fuzzing))]
pub mod properties;
mod response;
mod statics;

pub use response::FileResponse;
pub use statics::StaticFiles;
