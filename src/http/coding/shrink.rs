//! Giving a compressor its bytes until it has given all of its own.

use flate2::{Compress, CompressError, FlushCompress, Status};

/// Has `compress` take all of `data`, and appends to `out` what comes of it: for a
/// [`Sync`](FlushCompress::Sync) flush all that is needed to read it. `room` is made for output at a
/// time.
///
/// A call that begins with output of the one before it still to come gives only that, and may leave
/// what was compressed since: only one that began with none, and had room to the end, has given
/// everything. One too many costs five bytes, an empty block.
pub(in crate::http) fn shrink(
    compress: &mut Compress,
    mut data: &[u8],
    out: &mut Vec<u8>,
    flush: FlushCompress,
    room: usize,
) -> Result<(), CompressError> {
    let mut owes = false;
    loop {
        out.reserve(room);
        let before = compress.total_in();
        let status = compress.compress_vec(data, out, flush)?;
        data = &data[(compress.total_in() - before) as usize..];
        let had_room = out.len() < out.capacity();
        let is_through = data.is_empty() && had_room && !owes;
        if status == Status::StreamEnd || is_through && !matches!(flush, FlushCompress::Finish) {
            return Ok(());
        }
        owes = !had_room;
    }
}
