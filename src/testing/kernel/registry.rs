//! Who is watched, as a selector over epoll(7) has it: its own table, which knows numbers, beside
//! the kernel's, which knows descriptors.
//!
//! A registration ends in the kernel when its descriptor is closed, and in the selector's table
//! when it is unregistered. In between the selector refuses to register the number, and to modify
//! it is EBADF, or ENOENT once the number is somebody else's.

use std::io;
use std::os::fd::RawFd;

use crate::selector::{Interest, SelectorKey, Token};

/// A registration.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Watch {
    pub(super) key: SelectorKey,
    /// Whose it is.
    pub(super) birth: u64,
    /// It is not told of before the agenda says so.
    pub(super) withheld: bool,
}

/// All of them, in the order in which they were registered.
#[derive(Default)]
pub(super) struct Registry {
    watches: Vec<Watch>,
    /// The tokens of some that are gone, the last one last.
    gone: Vec<SelectorKey>,
}

/// How many of those are kept.
const GONE: usize = 16;

impl Registry {
    pub(super) fn all(&self) -> &[Watch] {
        &self.watches
    }

    pub(super) fn get(&self, fd: RawFd) -> Option<&Watch> {
        self.watches.iter().find(|watch| watch.key.fd == fd)
    }

    pub(super) fn get_mut(&mut self, fd: RawFd) -> Option<&mut Watch> {
        self.watches.iter_mut().find(|watch| watch.key.fd == fd)
    }

    /// # Errors
    ///
    /// `AlreadyExists`; `InvalidInput` for the bell's token.
    pub(super) fn check_new(&self, fd: RawFd, token: Token) -> io::Result<()> {
        if let Some(watch) = self.get(fd) {
            let text =
                format!("descriptor {fd} is already registered, for {:?}", watch.key.interest);
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, text));
        }
        check_token(token)
    }

    pub(super) fn add(&mut self, key: SelectorKey, birth: u64) {
        self.watches.push(Watch { key, birth, withheld: false });
    }

    /// Changes a registration, whose descriptor is now the one of that birth.
    ///
    /// # Errors
    ///
    /// `NotFound`; `InvalidInput` for the bell's token; ENOENT if the number is another
    /// descriptor's than it was.
    pub(super) fn change(
        &mut self,
        fd: RawFd,
        interest: Interest,
        token: Token,
        birth: u64,
    ) -> io::Result<()> {
        let watch = self.get_mut(fd).ok_or_else(|| unknown(fd))?;
        if watch.birth != birth {
            return Err(io::Error::from_raw_os_error(libc::ENOENT));
        }
        let old = std::mem::replace(&mut watch.key, SelectorKey { fd, interest, token });
        if old.token != token {
            self.remember(old);
        }
        Ok(())
    }

    /// # Errors
    ///
    /// `NotFound`; `InvalidInput` for the bell's token.
    pub(super) fn check_old(&self, fd: RawFd, token: Token) -> io::Result<()> {
        check_token(token)?;
        self.get(fd).map(drop).ok_or_else(|| unknown(fd))
    }

    /// # Errors
    ///
    /// `NotFound`.
    pub(super) fn remove(&mut self, fd: RawFd) -> io::Result<Watch> {
        let at = self.watches.iter().position(|watch| watch.key.fd == fd);
        let watch = self.watches.remove(at.ok_or_else(|| unknown(fd))?);
        self.remember(watch.key);
        Ok(watch)
    }

    /// It is not told of until [`tell_again`](Registry::tell_again).
    pub(super) fn withhold(&mut self, token: Token) {
        let meant = |watch: &&mut Watch| watch.key.token == token;
        self.watches.iter_mut().filter(meant).for_each(|watch| watch.withheld = true);
    }

    /// What is withheld is told of again.
    pub(super) fn tell_again(&mut self, token: Token) {
        let meant = |watch: &&mut Watch| watch.key.token == token;
        self.watches.iter_mut().filter(meant).for_each(|watch| watch.withheld = false);
    }

    /// All, in the order of descriptors.
    pub(super) fn keys(&self) -> Vec<SelectorKey> {
        let mut keys: Vec<_> = self.watches.iter().map(|watch| watch.key).collect();
        keys.sort_by_key(|key| key.fd);
        keys
    }

    fn remember(&mut self, key: SelectorKey) {
        if self.gone.len() == GONE {
            self.gone.remove(0);
        }
        self.gone.push(key);
    }

    /// A registration that is gone, if there was one: the last whose number is registered again,
    /// or else the last.
    pub(super) fn stale(&self) -> Option<SelectorKey> {
        let is_used_again =
            |key: &&SelectorKey| self.get(key.fd).is_some_and(|watch| watch.key.token != key.token);
        let is_gone = |key: &&SelectorKey| self.watches.iter().all(|w| w.key.token != key.token);
        let mut gone = self.gone.iter().rev().filter(is_gone);
        gone.clone().find(is_used_again).or_else(|| gone.next()).copied()
    }
}

fn unknown(fd: RawFd) -> io::Error {
    let text = format!("descriptor {fd} is not registered with this selector");
    io::Error::new(io::ErrorKind::NotFound, text)
}

fn check_token(token: Token) -> io::Result<()> {
    if token == Token::new(u32::MAX, u32::MAX) {
        let why = "the token whose slot and generation are both u32::MAX is the bell's own";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(fd: RawFd, generation: u32) -> SelectorKey {
        SelectorKey { fd, interest: Interest::READ, token: Token::new(fd as u32, generation) }
    }

    #[test]
    fn a_number_is_registered_once_and_what_is_not_is_not_found() {
        let mut registry = Registry::default();
        registry.add(key(5, 0), 1);
        let error = registry.check_new(5, key(5, 1).token).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(registry.remove(6).unwrap_err().kind(), io::ErrorKind::NotFound);
        let error = registry.check_old(6, key(6, 0).token).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        registry.remove(5).unwrap();
        assert!(registry.check_new(5, key(5, 1).token).is_ok());
    }

    #[test]
    fn a_number_that_is_somebody_elses_by_now_is_enoent_to_a_change() {
        let mut registry = Registry::default();
        registry.add(key(5, 0), 1);
        assert!(registry.change(5, Interest::BOTH, key(5, 0).token, 1).is_ok());
        let error = registry.change(5, Interest::READ, key(5, 0).token, 2).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENOENT));
        assert_eq!(registry.get(5).unwrap().key.interest, Interest::BOTH);
    }

    #[test]
    fn the_bells_own_token_is_refused() {
        let bells = Token::new(u32::MAX, u32::MAX);
        let registry = Registry::default();
        assert_eq!(registry.check_new(5, bells).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }

    #[test]
    fn a_stale_token_is_preferably_one_whose_number_is_registered_again() {
        let mut registry = Registry::default();
        assert_eq!(registry.stale(), None);
        for fd in [5, 6] {
            registry.add(key(fd, 0), 1);
            registry.remove(fd).unwrap();
        }
        assert_eq!(registry.stale(), Some(key(6, 0)));
        registry.add(key(5, 1), 2);
        assert_eq!(registry.stale(), Some(key(5, 0)));
    }

    #[test]
    fn keys_come_in_the_order_of_descriptors() {
        let mut registry = Registry::default();
        [7, 5, 6].iter().for_each(|fd| registry.add(key(*fd, 0), 1));
        assert_eq!(registry.keys(), [5, 6, 7].map(|fd| key(fd, 0)));
    }
}
