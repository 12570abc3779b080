//! Memory for what is on its way through a layer, one piece a thread, so that an idle connection
//! has none.

use std::cell::Cell;
use std::thread::LocalKey;

/// No more than this is kept between two uses: the largest record that TLS has is smaller.
const KEPT: usize = 64 << 10;

thread_local! {
    /// Plaintext that is being delivered.
    pub(super) static PLAINTEXT: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    /// Ciphertext that is being written.
    pub(super) static CIPHERTEXT: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Lends the memory to `user`; whoever needs it meanwhile gets some of its own.
pub(super) fn with<R>(
    memory: &'static LocalKey<Cell<Vec<u8>>>,
    user: impl FnOnce(&mut Vec<u8>) -> R,
) -> R {
    let mut lent = memory.take();
    let result = user(&mut lent);
    if lent.capacity() <= KEPT {
        lent.clear();
        memory.set(lent);
    }
    result
}
