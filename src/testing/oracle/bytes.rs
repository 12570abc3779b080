//! O14: what a program writes is what the kernel is given, what the kernel has is what the program
//! is told, and the end of a file comes after its last byte.
//!
//! Bytes are counted, not compared: that they are the right ones is for the program to assert. Only
//! connections are judged that a transport speaks of; who uses a socket by himself is not.

use std::collections::BTreeMap;
use std::os::fd::RawFd;

use super::Oracle;
use crate::observe::Record;
use crate::testing::journal::{Act, Entry, Errno, Step};

/// The oracle `bytes`.
#[derive(Default)]
pub(super) struct Bytes(BTreeMap<RawFd, Account>);

/// A connection's books.
#[derive(Default)]
struct Account {
    written: usize,
    /// So the transport says; so the kernel.
    sent: usize,
    taken: usize,
    received: usize,
    given: usize,
    /// The last receive: what came of it, how many bytes it left.
    last: Option<(Result<usize, Errno>, usize)>,
    eof: bool,
    cut_off: bool,
}

impl Account {
    fn received(&mut self, fd: RawFd, bytes: usize) -> Result<(), String> {
        self.received += bytes;
        if self.eof && bytes > 0 {
            return Err(format!("fd {fd}: {bytes} bytes are told after the end of the file"));
        }
        self.eof |= bytes == 0;
        match self.last.take() {
            Some((Ok(0), left @ 1..)) if bytes == 0 => {
                Err(format!("fd {fd}: the end of the file is told, and {left} bytes are left"))
            }
            Some((Ok(got), _)) if got == bytes => Ok(()),
            last => Err(format!(
                "fd {fd}: {} told, and the kernel's last receive gave {:?}",
                if bytes == 0 {
                    "the end of the file is".into()
                } else {
                    format!("{bytes} bytes are")
                },
                last.map(|(got, _)| got),
            )),
        }
    }

    fn sent(&mut self, fd: RawFd, sent: usize) -> Result<(), String> {
        self.sent += sent;
        let (sent, written, taken) = (self.sent, self.written, self.taken);
        if sent > written {
            return Err(format!("fd {fd}: {sent} bytes are sent, of {written} that were written"));
        }
        match sent == taken {
            true => Ok(()),
            false => Err(format!("fd {fd}: {sent} bytes are booked as sent, and {taken} were")),
        }
    }

    /// The transport has let go of its descriptor.
    fn ended(&self, fd: RawFd) -> Result<(), String> {
        let Account { written, taken, received, given, .. } = *self;
        if received != given {
            return Err(format!(
                "fd {fd}: {given} bytes were received, and {received} of them told"
            ));
        }
        match self.cut_off || taken == written {
            true => Ok(()),
            false => Err(format!(
                "fd {fd} is closed in good order, and of {written} bytes that were written {taken} \
                 were sent"
            )),
        }
    }
}

impl Bytes {
    fn account(&mut self, fd: RawFd) -> &mut Account {
        self.0.entry(fd).or_default()
    }

    fn act(&mut self, act: &Act) {
        match *act {
            Act::Opened { fd, .. } => drop(self.0.remove(&fd)),
            Act::Recv { fd, got, left, asked: 1.., .. } => {
                let account = self.account(fd);
                account.given += got.unwrap_or(0);
                account.last = Some((got, left));
            }
            Act::Send { fd, took: Ok(took), .. } => self.account(fd).taken += took,
            _ => {}
        }
    }

    fn record(&mut self, record: &Record) -> Result<(), String> {
        match *record {
            Record::Received { fd, bytes } => return self.account(fd).received(fd, bytes),
            Record::Written { fd, bytes } => self.account(fd).written += bytes,
            Record::Sent { fd, sent, .. } => return self.account(fd).sent(fd, sent),
            Record::CutOff { fd, .. } => self.account(fd).cut_off = true,
            Record::Disconnected { fd } => {
                return self.0.remove(&fd).map_or(Ok(()), |account| account.ended(fd));
            }
            _ => {}
        }
        Ok(())
    }
}

impl Oracle for Bytes {
    fn name(&self) -> &'static str {
        "bytes"
    }

    fn on(&mut self, entry: &Entry) -> Result<(), String> {
        match &entry.step {
            Step::Loop(record) => self.record(record),
            Step::Kernel(act) => {
                self.act(act);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::script::{Script, complains};
    use super::*;

    fn verdict(script: Script) -> Result<(), String> {
        script.verdict(Bytes::default())
    }

    fn recv(got: Result<usize, Errno>, left: usize) -> Act {
        Act::Recv { fd: 3, asked: 100, got, eof: false, left }
    }

    fn told(bytes: usize) -> Record {
        Record::Received { fd: 3, bytes }
    }

    fn written(bytes: usize) -> Script {
        Script::default().opened(3, 1).says(Record::Written { fd: 3, bytes })
    }

    fn sends(script: Script, asked: usize, sent: usize) -> Script {
        script.does(Act::Send { fd: 3, asked, took: Ok(sent) }).says(Record::Sent {
            fd: 3,
            asked,
            sent,
        })
    }

    const ENDS: Record = Record::Disconnected { fd: 3 };
    const CUT: Record = Record::CutOff { fd: 3, unsent: 5 };

    #[test]
    fn bytes_that_come_in_and_then_the_end_of_the_file_are_in_order() {
        let some = Script::default().opened(3, 1).does(recv(Ok(5), 2)).says(told(5));
        let rest = some.does(recv(Err(libc::EAGAIN), 2)).does(recv(Ok(2), 0)).says(told(2));
        assert_eq!(verdict(rest.does(recv(Ok(0), 0)).says(told(0)).says(ENDS)), Ok(()));
    }

    #[test]
    fn the_end_of_the_file_told_for_a_short_receive_is_a_violation() {
        let short = Script::default().does(recv(Ok(5), 2)).says(told(5)).says(told(0));
        complains(verdict(short), "the end of the file is told, and the kernel's last receive");
        complains(
            verdict(Script::default().does(recv(Ok(0), 2)).says(told(0))),
            "2 bytes are left",
        );
    }

    #[test]
    fn bytes_after_the_end_of_the_file_are_a_violation() {
        let over = Script::default().does(recv(Ok(0), 0)).says(told(0));
        complains(verdict(over.does(recv(Ok(5), 0)).says(told(5))), "after the end of the file");
    }

    #[test]
    fn more_or_fewer_bytes_told_than_received_are_a_violation() {
        complains(
            verdict(Script::default().does(recv(Ok(5), 0)).says(told(6))),
            "gave Some(Ok(5))",
        );
        let lost = Script::default().does(recv(Ok(5), 0)).says(ENDS);
        complains(verdict(lost), "5 bytes were received, and 0 of them told");
    }

    #[test]
    fn what_is_written_and_sent_in_parts_before_the_close_is_in_order() {
        let parts = sends(sends(written(9), 9, 4), 5, 5);
        assert_eq!(verdict(parts.says(ENDS)), Ok(()));
    }

    #[test]
    fn a_close_in_good_order_that_drops_bytes_is_a_violation_and_one_that_was_cut_off_is_not() {
        let part = || sends(written(9), 9, 4);
        complains(verdict(part().says(ENDS)), "of 9 bytes that were written 4 were sent");
        assert_eq!(verdict(part().says(CUT).says(ENDS)), Ok(()));
    }

    #[test]
    fn more_bytes_sent_than_written_are_a_violation() {
        complains(verdict(sends(written(4), 9, 9)), "9 bytes are sent, of 4 that were written");
    }

    #[test]
    fn a_send_that_is_booked_as_another_is_a_violation() {
        let bad = written(9).does(Act::Send { fd: 3, asked: 9, took: Ok(4) });
        complains(verdict(bad.says(Record::Sent { fd: 3, asked: 9, sent: 9 })), "and 4 were");
    }

    #[test]
    fn a_number_that_is_used_again_has_new_books() {
        let first = written(9).says(Record::Closing).opened(3, 2);
        assert_eq!(verdict(first.says(ENDS)), Ok(()));
    }
}
