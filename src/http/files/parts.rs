//! Several parts of a file as one body.
//!
//! They are read by the loop's own thread, as sendfile(2) reads a single part: what can be waited
//! for is a disk, and never a client.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use crate::http::body::BodyWriter;
use crate::http::range::{Multipart, Part};

/// So many bytes are read at a time. Between two pieces the loop goes around, however fast the
/// client reads.
const PIECE: u64 = 64 << 10;

/// Writes all parts with their heads.
///
/// # Errors
///
/// The disk's, `UnexpectedEof` if the file has become shorter, and the connection's.
pub(super) async fn write(file: File, parts: Multipart, mut body: BodyWriter) -> io::Result<()> {
    let mut piece = vec![0; parts.longest().min(PIECE) as usize];
    for (head, Part { mut offset, len }) in parts.parts() {
        body.write(head).await?;
        let end = offset + len;
        while offset < end {
            let piece = &mut piece[..(end - offset).min(PIECE) as usize];
            file.read_exact_at(piece, offset)?;
            body.write(&*piece).await?;
            offset += piece.len() as u64;
            if offset < end {
                crate::yield_now().await;
            }
        }
    }
    body.write(parts.end()).await
}
