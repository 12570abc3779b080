//! Who is registered: the table that every backend keeps beside the kernel's own.
//!
//! No kernel tells what it watches, and `get_map` has to. The table also makes the errors of
//! `register`, `modify` and `unregister` the same everywhere.

use std::io;
use std::os::fd::RawFd;

use super::{Interest, SelectorKey, Token};

/// Registrations by descriptor. The kernel gives out the smallest free number, so a plain vector
/// is dense; a registration costs 16 bytes.
#[derive(Default)]
pub(super) struct Registry {
    slots: Vec<Slot>,
    len: usize,
}

/// One number's registration; none where there is no interest.
#[derive(Clone, Copy)]
struct Slot {
    token: Token,
    interest: Option<Interest>,
}

const _: () = assert!(size_of::<Slot>() == 16);

impl Registry {
    const FREE: Slot = Slot { token: Token::BELL, interest: None };

    /// Whether `fd` may be registered under `token`.
    ///
    /// # Errors
    ///
    /// `AlreadyExists` if `fd` is registered, `InvalidInput` if the token is the bell's.
    pub(super) fn check_new(&self, fd: RawFd, token: Token) -> io::Result<()> {
        match self.find(fd) {
            Some(key) => Err(already(key)),
            None => check_token(token),
        }
    }

    /// The registration of `fd`, which is about to be given `token`.
    ///
    /// # Errors
    ///
    /// `NotFound` if `fd` is not registered, `InvalidInput` if the token is the bell's.
    pub(super) fn check_old(&self, fd: RawFd, token: Token) -> io::Result<SelectorKey> {
        check_token(token)?;
        self.get(fd)
    }

    /// The registration of `fd`; `NotFound` if there is none.
    pub(super) fn get(&self, fd: RawFd) -> io::Result<SelectorKey> {
        self.find(fd).ok_or_else(|| unknown(fd))
    }

    /// Notes that `fd`, which the kernel has accepted, is registered so.
    pub(super) fn set(&mut self, fd: RawFd, interest: Interest, token: Token) {
        let at = fd as usize;
        if at >= self.slots.len() {
            self.slots.resize(at + 1, Registry::FREE);
        }
        self.len += usize::from(self.slots[at].interest.is_none());
        self.slots[at] = Slot { token, interest: Some(interest) };
    }

    /// Forgets `fd`; its registration, or `NotFound`.
    pub(super) fn remove(&mut self, fd: RawFd) -> io::Result<SelectorKey> {
        let key = self.get(fd)?;
        self.slots[fd as usize] = Registry::FREE;
        self.len -= 1;
        Ok(key)
    }

    /// How many are registered.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// All, in the order of descriptors.
    pub(super) fn keys(&self) -> Vec<SelectorKey> {
        (0..self.slots.len()).filter_map(|at| self.find(at as RawFd)).collect()
    }

    fn find(&self, fd: RawFd) -> Option<SelectorKey> {
        let slot = self.slots.get(usize::try_from(fd).ok()?)?;
        Some(SelectorKey { fd, interest: slot.interest?, token: slot.token })
    }
}

#[cold]
fn already(SelectorKey { fd, interest, .. }: SelectorKey) -> io::Error {
    let what = format!("descriptor {fd} is already registered, for {interest:?}");
    io::Error::new(io::ErrorKind::AlreadyExists, what)
}

#[cold]
fn unknown(fd: RawFd) -> io::Error {
    let what = format!("descriptor {fd} is not registered with this selector");
    io::Error::new(io::ErrorKind::NotFound, what)
}

fn check_token(token: Token) -> io::Result<()> {
    if token == Token::BELL {
        let why = "the token whose slot and generation are both u32::MAX is the bell's own";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    }
    Ok(())
}
