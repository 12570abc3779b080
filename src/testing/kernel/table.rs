//! Numbers for descriptors: the smallest that is free, as POSIX has it, and who had which.

use std::io;
use std::os::fd::RawFd;

use crate::testing::journal::Errno;

/// The first number. A process that tests something has fewer descriptors open than that, so that
/// a real one is told from a simulated one; and it is small, because the loop's table of watches
/// is as long as the highest number.
pub(crate) const FIRST: RawFd = 100;

/// Something that has a number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Open<T> {
    pub(super) fd: RawFd,
    /// Which of all descriptors it is; numbers are used again, this is not.
    pub(super) birth: u64,
    pub(super) object: T,
}

/// Who has which number.
pub(super) struct Table<T> {
    /// By number, from [`FIRST`]. It never gets shorter, so that a number that was given out once
    /// is known.
    places: Vec<Option<(u64, T)>>,
    next_birth: u64,
    open: usize,
    limit: usize,
}

impl<T: Copy> Table<T> {
    pub(super) fn new() -> Self {
        Table { places: Vec::new(), next_birth: 1, open: 0, limit: usize::MAX }
    }

    /// How many may be open at once; those that are open stay so.
    pub(super) fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Whether another `count` may be opened.
    ///
    /// # Errors
    ///
    /// EMFILE.
    pub(super) fn check_room(&self, count: usize) -> Result<(), Errno> {
        if self.open.saturating_add(count) > self.limit { Err(libc::EMFILE) } else { Ok(()) }
    }

    /// Gives `object` a number.
    ///
    /// # Errors
    ///
    /// EMFILE.
    pub(super) fn open(&mut self, object: T) -> Result<Open<T>, Errno> {
        self.check_room(1)?;
        let at = self.places.iter().position(Option::is_none).unwrap_or(self.places.len());
        if at == self.places.len() {
            self.places.push(None);
        }
        let birth = self.next_birth;
        self.next_birth += 1;
        self.open += 1;
        self.places[at] = Some((birth, object));
        Ok(Open { fd: FIRST + at as RawFd, birth, object })
    }

    /// Frees a number; `None` if it was free.
    pub(super) fn close(&mut self, fd: RawFd) -> Option<Open<T>> {
        let (birth, object) = self.places.get_mut(index(fd)?)?.take()?;
        self.open -= 1;
        Some(Open { fd, birth, object })
    }

    pub(super) fn get(&self, fd: RawFd) -> Option<Open<T>> {
        let (birth, object) = (*self.places.get(index(fd)?)?)?;
        Some(Open { fd, birth, object })
    }

    /// The same for whoever uses it.
    ///
    /// # Errors
    ///
    /// EBADF if it was closed; `InvalidInput` if it never was one of ours, and then it is one of
    /// the process.
    pub(super) fn find(&self, fd: RawFd) -> io::Result<Open<T>> {
        self.get(fd).ok_or_else(|| self.wrong(fd))
    }

    fn wrong(&self, fd: RawFd) -> io::Error {
        if fd < 0 || index(fd).is_some_and(|index| index < self.places.len()) {
            return io::Error::from_raw_os_error(libc::EBADF);
        }
        real(fd)
    }

    /// All that are open, by number.
    pub(super) fn all(&self) -> impl Iterator<Item = Open<T>> + '_ {
        let open = |(at, place): (usize, &Option<(u64, T)>)| {
            place.map(|(birth, object)| Open { fd: FIRST + at as RawFd, birth, object })
        };
        self.places.iter().enumerate().filter_map(open)
    }
}

fn index(fd: RawFd) -> Option<usize> {
    usize::try_from(fd.checked_sub(FIRST)?).ok()
}

/// The one error for a descriptor of the process inside a simulation.
pub(crate) fn real(fd: RawFd) -> io::Error {
    let text = format!(
        "descriptor {fd} is a real one, and a simulation has none but its own: connect by address, \
         or take World::pair, World::pipe or World::peer in its place"
    );
    io::Error::new(io::ErrorKind::InvalidInput, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_free_number_is_given_and_no_birth_twice() {
        let mut table = Table::new();
        let numbers = [0, 1, 2].map(|object| table.open(object).unwrap().fd);
        assert_eq!(numbers, [FIRST, FIRST + 1, FIRST + 2]);
        let gone = table.close(FIRST + 1).unwrap();
        let next = table.open(3).unwrap();
        assert_eq!((next.fd, next.object), (gone.fd, 3));
        assert!(next.birth > gone.birth);
        assert_eq!(table.open(4).unwrap().fd, FIRST + 3);
    }

    #[test]
    fn a_number_that_was_closed_is_ebadf_and_one_that_never_was_ours_is_a_real_one() {
        let mut table = Table::new();
        table.open(()).unwrap();
        assert!(table.close(FIRST).is_some() && table.close(FIRST).is_none());
        assert_eq!(table.find(FIRST).unwrap_err().raw_os_error(), Some(libc::EBADF));
        assert_eq!(table.find(-1).unwrap_err().raw_os_error(), Some(libc::EBADF));
        for fd in [0, 7, FIRST + 1, RawFd::MAX] {
            let error = table.find(fd).unwrap_err().to_string();
            assert!(error.contains("is a real one") && error.contains("World::pair"), "{error}");
        }
    }

    #[test]
    fn no_more_are_opened_than_the_limit_says_until_one_is_closed() {
        let mut table = Table::new();
        table.set_limit(1);
        table.open(()).unwrap();
        assert_eq!(table.open(()).unwrap_err(), libc::EMFILE);
        table.close(FIRST);
        assert!(table.open(()).is_ok());
    }
}
