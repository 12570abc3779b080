//! Any sequence of operations, over all backends at once, makes them say the same.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::rc::Rc;

use proptest::prelude::*;

use super::*;
use crate::sys::testing::pipe;

/// What may happen. A number chooses among the ends that are open, modulo how many there are.
#[derive(Clone, Debug)]
enum Operation {
    Connect,
    Pipe,
    Register(usize, Interest),
    Modify(usize, Interest),
    Unregister(usize),
    Write(usize, usize),
    Fill(usize),
    Read(usize, usize),
    Drain(usize),
    ShutDown(usize, Shutdown),
    Close(usize),
}

fn operation() -> impl Strategy<Value = Operation> {
    use Operation::*;
    let interest = || prop::sample::select(vec![Interest::READ, Interest::WRITE, Interest::BOTH]);
    let how = prop::sample::select(vec![Shutdown::Read, Shutdown::Write, Shutdown::Both]);
    let end = || 0..16usize;
    prop_oneof![
        2 => Just(Connect),
        1 => Just(Pipe),
        6 => (end(), interest()).prop_map(|(end, interest)| Register(end, interest)),
        3 => (end(), interest()).prop_map(|(end, interest)| Modify(end, interest)),
        1 => end().prop_map(Unregister),
        4 => (end(), 0..64usize).prop_map(|(end, bytes)| Write(end, bytes)),
        1 => end().prop_map(Fill),
        3 => (end(), 0..64usize).prop_map(|(end, bytes)| Read(end, bytes)),
        1 => end().prop_map(Drain),
        2 => (end(), how).prop_map(|(end, how)| ShutDown(end, how)),
        2 => end().prop_map(Close),
    ]
}

enum End {
    /// A socket, and whether its connection has seen a shutdown(2).
    Socket(UnixStream, Rc<Cell<bool>>),
    PipeReader(File),
    PipeWriter(File),
}

impl End {
    fn fd(&self) -> RawFd {
        match self {
            End::Socket(socket, _) => fd(socket),
            End::PipeReader(file) | End::PipeWriter(file) => fd(file),
        }
    }

    fn behind(&self) -> Behind {
        match self {
            End::Socket(_, shut) if shut.get() => Behind::SocketShutDown,
            End::Socket(..) => Behind::Socket,
            End::PipeReader(_) | End::PipeWriter(_) => Behind::Pipe,
        }
    }

    /// A pipe has one direction; what waiting for the other means is every system's own affair.
    fn possible(&self, interest: Interest) -> Interest {
        match self {
            End::Socket(..) => interest,
            End::PipeReader(_) => Interest::READ,
            End::PipeWriter(_) => Interest::WRITE,
        }
    }

    fn writer(&self) -> Option<Box<dyn Write + '_>> {
        match self {
            End::Socket(socket, _) => Some(Box::new(socket)),
            End::PipeWriter(file) => Some(Box::new(file)),
            End::PipeReader(_) => None,
        }
    }

    fn reader(&self) -> Option<Box<dyn Read + '_>> {
        match self {
            End::Socket(socket, _) => Some(Box::new(socket)),
            End::PipeReader(file) => Some(Box::new(file)),
            End::PipeWriter(_) => None,
        }
    }
}

/// Some open ends, and a selector of each backend that watches the same of them.
struct World {
    ends: Vec<End>,
    selectors: Vec<Box<dyn Selector>>,
    generation: u32,
}

impl World {
    fn new() -> World {
        let selectors = BACKENDS.iter().map(|(_, open)| open()).collect();
        World { ends: Vec::new(), selectors, generation: 0 }
    }

    fn perform(&mut self, operation: &Operation) -> Result<(), TestCaseError> {
        match *operation {
            Operation::Connect => {
                let (here, there) = pair();
                let shut = Rc::<Cell<bool>>::default();
                self.ends.extend([End::Socket(here, shut.clone()), End::Socket(there, shut)]);
                return Ok(());
            }
            Operation::Pipe => {
                let (reader, writer) = pipe();
                self.ends.push(End::PipeReader(reader.into()));
                self.ends.push(End::PipeWriter(writer.into()));
                return Ok(());
            }
            _ if self.ends.is_empty() => return Ok(()),
            _ => {}
        }
        // The result of input and output is not ours to judge: EPIPE and EAGAIN are part of it.
        match *operation {
            Operation::Register(end, interest) => {
                let (fd, interest, token) = self.choose(end, interest);
                self.all(|selector| selector.register(fd, interest, token))?;
            }
            Operation::Modify(end, interest) => {
                let (fd, interest, token) = self.choose(end, interest);
                self.all(|selector| selector.modify(fd, interest, token))?;
            }
            Operation::Unregister(end) => {
                let fd = self.end(end).fd();
                self.all(|selector| selector.unregister(fd))?;
            }
            Operation::Write(end, bytes) => {
                let _ = self.end(end).writer().map(|mut writer| writer.write(&vec![0; bytes]));
            }
            Operation::Fill(end) => {
                if let Some(writer) = self.end(end).writer() {
                    fill(writer);
                }
            }
            Operation::Read(end, bytes) => {
                let _ = self.end(end).reader().map(|mut reader| reader.read(&mut vec![0; bytes]));
            }
            Operation::Drain(end) => {
                if let Some(reader) = self.end(end).reader() {
                    drain(reader);
                }
            }
            Operation::ShutDown(end, how) => {
                if let End::Socket(socket, shut) = self.end(end) {
                    shut.set(true);
                    let _ = socket.shutdown(how);
                }
            }
            Operation::Close(end) => {
                let fd = self.end(end).fd();
                self.all(|selector| selector.unregister(fd))?;
                let at = end % self.ends.len();
                self.ends.swap_remove(at);
            }
            Operation::Connect | Operation::Pipe => {}
        }
        Ok(())
    }

    fn end(&self, end: usize) -> &End {
        &self.ends[end % self.ends.len()]
    }

    /// The end's descriptor, the interest it can have, and a token that was never used before.
    fn choose(&mut self, end: usize, interest: Interest) -> (RawFd, Interest, Token) {
        self.generation += 1;
        let (end, generation) = (self.end(end), self.generation);
        (end.fd(), end.possible(interest), Token::new(end.fd() as u32, generation))
    }

    /// The same call on every selector: the kind of its error, if any, is the same.
    fn all(
        &mut self,
        mut call: impl FnMut(&mut dyn Selector) -> io::Result<()>,
    ) -> Result<(), TestCaseError> {
        let kinds: Vec<_> = (self.selectors.iter_mut())
            .map(|selector| call(&mut **selector).map_err(|error| error.kind()))
            .collect();
        prop_assert!(kinds.iter().all(|kind| *kind == kinds[0]), "{kinds:?}");
        Ok(())
    }

    /// What is so of every descriptor, as far as `selector` tells, in what all can tell.
    fn told(&mut self, selector: usize) -> BTreeMap<RawFd, Readiness> {
        let selector = &mut self.selectors[selector];
        let keys = selector.get_map();
        let mut told = BTreeMap::new();
        for event in select(&mut **selector, NOW) {
            let key = keys.iter().find(|key| key.token == event.token).expect("a stale event");
            let end = self.ends.iter().find(|end| end.fd() == key.fd).expect("an open end");
            let readiness = agreed(event.readiness, key.interest, end.behind());
            assert_eq!(told.insert(key.fd, readiness), None, "two events of one registration");
        }
        // An event of which nothing is left is none: the other backends may not have had it.
        told.retain(|_, readiness| !readiness.is_empty());
        told
    }

    fn check(&mut self) -> Result<(), TestCaseError> {
        let (map, first) = (self.selectors[0].get_map(), self.told(0));
        for (at, (name, _)) in BACKENDS.iter().enumerate().skip(1) {
            prop_assert_eq!(&self.selectors[at].get_map(), &map, "the map of {}", name);
            prop_assert_eq!(&self.told(at), &first, "{} against {}", name, BACKENDS[0].0);
        }
        Ok(())
    }
}

proptest! {
    #[test]
    fn whatever_happens_all_backends_tell_the_same(
        operations in prop::collection::vec(operation(), 1..40)
    ) {
        let mut world = World::new();
        for operation in &operations {
            world.perform(operation)?;
            world.check()?;
        }
    }
}
