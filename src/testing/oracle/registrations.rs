//! O11: what the loop says it watches is what the kernel watches, and all of it is open.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::RawFd;

use super::Oracle;
use crate::observe::Record;
use crate::selector::{Interest, Token};
use crate::testing::journal::{Act, Entry, Step};

/// The oracle `registrations`.
#[derive(Default)]
pub(super) struct Registrations {
    open: BTreeSet<RawFd>,
    kernel: BTreeMap<RawFd, (Token, Interest)>,
}

impl Registrations {
    fn closed(&mut self, fd: RawFd, birth: Option<u64>) -> Result<(), String> {
        self.open.remove(&fd);
        if birth.is_none() {
            return Err(format!("fd {fd} is closed, and was not open: somebody closed it twice"));
        }
        match self.kernel.remove(&fd) {
            Some((token, _)) => Err(format!("fd {fd} is closed while it is watched as {token:?}")),
            None => Ok(()),
        }
    }

    fn registers(&mut self, fd: RawFd, token: Token, interest: Interest) -> Result<(), String> {
        self.kernel.insert(fd, (token, interest));
        match self.open.contains(&fd) {
            true => Ok(()),
            false => Err(format!("fd {fd} is watched, and is not open")),
        }
    }

    fn watched(&self, fd: RawFd, says: Option<(Token, Interest)>) -> Result<(), String> {
        let has = self.kernel.get(&fd).copied();
        match says == has {
            true => Ok(()),
            false => Err(format!("the loop watches fd {fd} as {says:?}, the kernel as {has:?}")),
        }
    }
}

impl Oracle for Registrations {
    fn name(&self) -> &'static str {
        "registrations"
    }

    fn on(&mut self, entry: &Entry) -> Result<(), String> {
        match &entry.step {
            Step::Kernel(act) => match *act {
                Act::Opened { fd, .. } => {
                    self.open.insert(fd);
                    Ok(())
                }
                Act::Closed { fd, birth } => self.closed(fd, birth),
                Act::Registered { fd, token, interest } => self.registers(fd, token, interest),
                Act::Unregistered { fd, .. } => {
                    self.kernel.remove(&fd);
                    Ok(())
                }
                _ => Ok(()),
            },
            Step::Loop(Record::Watched { fd, token, interest }) => {
                self.watched(*fd, interest.map(|interest| (*token, interest)))
            }
            Step::Loop(Record::Closed) => match self.kernel.first_key_value() {
                Some((fd, _)) => Err(format!("the loop is closed, and fd {fd} is still watched")),
                None => Ok(()),
            },
            Step::Loop(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::script::{Script, complains, token};
    use super::*;

    fn verdict(script: Script) -> Result<(), String> {
        script.verdict(Registrations::default())
    }

    fn watched() -> Script {
        Script::default().opened(3, 1).registered(3, 0, Interest::READ)
    }

    #[test]
    fn what_is_opened_watched_forgotten_and_closed_is_in_order() {
        let good = watched().registered(3, 0, Interest::BOTH).unregistered(3, 0).closed(3, 1);
        assert_eq!(verdict(good.says(Record::Closed)), Ok(()));
    }

    #[test]
    fn a_descriptor_closed_twice_is_a_violation() {
        let closed = Script::default().opened(3, 1).closed(3, 1);
        complains(verdict(closed.does(Act::Closed { fd: 3, birth: None })), "closed it twice");
    }

    #[test]
    fn a_descriptor_closed_while_it_is_watched_is_a_violation() {
        complains(verdict(watched().closed(3, 1)), "while it is watched as Token(3#0)");
    }

    #[test]
    fn a_registration_that_outlives_the_loop_is_a_violation() {
        complains(verdict(watched().says(Record::Closed)), "fd 3 is still watched");
    }

    #[test]
    fn a_number_that_is_not_open_is_not_watched() {
        complains(verdict(Script::default().registered(3, 0, Interest::READ)), "is not open");
    }

    #[test]
    fn loop_and_kernel_agree_on_what_is_watched() {
        let interest = Some(Interest::BOTH);
        let says = |interest| Record::Watched { fd: 3, token: token(3, 0), interest };
        complains(verdict(watched().says(says(interest))), "the kernel as Some");
        complains(verdict(watched().says(says(None))), "watches fd 3 as None");
    }
}
