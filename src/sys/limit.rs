//! What the system allows the process.

/// How many descriptors the process may have open (`RLIMIT_NOFILE`); 1024, the usual number, if the
/// system does not tell.
pub(crate) fn open_files_limit() -> usize {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: getrlimit(2) writes one `rlimit` through the pointer, which is to a live one that
    // nobody else can see.
    let told = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } == 0;
    if told { usize::try_from(limit.rlim_cur).unwrap_or(usize::MAX) } else { 1024 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_more_than_what_is_open_now() {
        assert!(open_files_limit() > 3);
    }
}
