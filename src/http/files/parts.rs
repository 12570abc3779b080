//! Several parts of a file as one body.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use super::look::on_thread;
use crate::http::body::BodyWriter;
use crate::http::range::{Multipart, Part};

/// So many bytes are read at a time, on a thread.
const PIECE: u64 = 256 << 10;

/// Writes all parts with their heads.
///
/// # Errors
///
/// The disk's, `UnexpectedEof` if the file has become shorter, and the connection's.
pub(super) async fn write(file: File, parts: Multipart, mut body: BodyWriter) -> io::Result<()> {
    let file = Arc::new(file);
    for (head, Part { mut offset, len }) in parts.parts() {
        body.write(head).await?;
        let end = offset + len;
        while offset < end {
            let piece = (end - offset).min(PIECE);
            body.write(read(file.clone(), offset, piece as usize).await?).await?;
            offset += piece;
        }
    }
    body.write(parts.end()).await
}

async fn read(file: Arc<File>, offset: u64, len: usize) -> io::Result<Vec<u8>> {
    let job = move || {
        let mut piece = vec![0; len];
        file.read_exact_at(&mut piece, offset).map(|()| piece)
    };
    on_thread(job).await
}
