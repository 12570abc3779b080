//! Memory that takes room only where it is written to.

use std::alloc::{Layout, handle_alloc_error};
use std::ops::{Deref, DerefMut};
use std::ptr::{self, NonNull};
use std::slice;

/// Bytes, all zero, in pages of their own. (mmap(2))
///
/// A large buffer of which few bytes are used at a time costs those few: of one from the allocator
/// every page is there from the beginning, because the allocator clears it.
pub(crate) struct Pages {
    start: NonNull<u8>,
    len: usize,
}

impl Pages {
    /// `len` bytes; at least one.
    ///
    /// Without memory it ends the process, as every allocation does.
    pub(crate) fn new(len: usize) -> Pages {
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let kind = libc::MAP_PRIVATE | libc::MAP_ANON;
        // SAFETY: mmap(2) is asked for new pages at a place of its own choice; nobody has them.
        let start = unsafe { libc::mmap(ptr::null_mut(), len, access, kind, -1, 0) };
        match NonNull::new(start.cast::<u8>()) {
            Some(at) if start != libc::MAP_FAILED => Pages { start: at, len },
            _ => handle_alloc_error(Layout::array::<u8>(len).unwrap_or(Layout::new::<u8>())),
        }
    }
}

impl Deref for Pages {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the pages are ours until they are dropped, `len` bytes long, and mmap(2) has
        // zeroed them, so that each byte has a value.
        unsafe { slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }
}

impl DerefMut for Pages {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `deref`; `self` is borrowed exclusively for as long as the slice is.
        unsafe { slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: mmap(2) gave these pages, nobody else has them, and no slice of them outlives us.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.len) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_zero_and_keep_what_is_written_to_their_ends() {
        let mut pages = Pages::new(3 * 4096 + 1);
        assert!(pages.iter().all(|byte| *byte == 0) && pages.len() == 3 * 4096 + 1);
        (pages[0], pages[3 * 4096]) = (1, 2);
        assert_eq!((pages[0], pages[1], pages[3 * 4096]), (1, 0, 2));
    }
}
