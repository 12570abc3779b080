//! Which operation is which function of the model, and what callbacks do.

use super::op::{DESCRIPTORS, Fd, Id, Op};
use super::parts::{Condition, Kind, State};
use super::reference::ModelLoop;
use super::{Refusal, Seen, Setup, Subject};

impl Subject for ModelLoop {
    fn apply(&mut self, op: &Op) -> Vec<Seen> {
        self.polls = 0;
        self.perform(op);
        let alive = self.scheduled.iter().filter(|one| one.alive).count();
        self.seen.push(Seen::Alive(alive));
        std::mem::take(&mut self.seen)
    }
}

impl ModelLoop {
    /// A loop that has done nothing.
    pub fn new(setup: &Setup) -> ModelLoop {
        let mut model = ModelLoop::default();
        model.setup = setup.clone();
        model
    }

    /// What the real loop's policy picked in the operation that is applied next: between two handles
    /// or more, in order. Where nothing is left to follow the first is picked.
    pub fn follow(&mut self, picks: impl IntoIterator<Item = usize>) {
        self.picks.extend(picks);
    }

    fn perform(&mut self, op: &Op) {
        match op {
            Op::CallSoon(id) => self.call_soon(*id),
            Op::CallLater(id, delay) => self.call_at(*id, self.now + *delay),
            Op::CallAt(id, when) => self.call_at(*id, *when),
            Op::RemoteCall(id) => {
                let letter = self.schedule(*id, Kind::Remote).map(Some);
                self.letters.extend(letter);
            }
            Op::RemoteStop if self.state == State::Closed => self.refuse(Refusal::Closed),
            Op::RemoteStop => self.letters.push(None),
            Op::AddReader(fd, id) => self.watch(place(*fd), 0, *id),
            Op::AddWriter(fd, id) => self.watch(place(*fd), 1, *id),
            Op::RemoveReader(fd) => self.unwatch(place(*fd), 0),
            Op::RemoveWriter(fd) => self.unwatch(place(*fd), 1),
            Op::Cancel(id) => self.cancel_by_name(*id),
            Op::Feed(fd) => self.condition(*fd).bytes |= !self.condition(*fd).eof,
            Op::Drain(fd) => self.condition(*fd).bytes = false,
            Op::Eof(fd) => self.condition(*fd).eof = true,
            Op::HangUp(fd) => {
                self.condition(*fd).eof = true;
                self.condition(*fd).hung_up = true;
            }
            Op::Fill(fd) => self.condition(*fd).full = true,
            Op::Room(fd) => self.condition(*fd).full = false,
            Op::Advance(by) => self.now += *by,
            Op::Stop => self.stopping = true,
            Op::Turn(limit) => self.run(|own| own.turn(*limit)),
            Op::RunForever => self.run(ModelLoop::turns),
            Op::NextDeadline => self.seen.push(Seen::Next(self.next_deadline())),
            Op::Close => self.close(),
            Op::Panic => {}
            Op::When(id, op) => self.rules.push((*id, Op::clone(op))),
        }
    }

    pub(super) fn refuse(&mut self, why: Refusal) {
        self.seen.push(Seen::Refused(why));
    }

    fn turns(&mut self) -> Result<(), Refusal> {
        while !self.stopping_after_a_turn()? {}
        Ok(())
    }

    fn stopping_after_a_turn(&mut self) -> Result<bool, Refusal> {
        self.turn(None)?;
        Ok(self.stopping)
    }

    fn condition(&mut self, fd: Fd) -> &mut Condition {
        &mut self.conditions[place(fd)]
    }

    /// (What another thread sent has no handle to cancel it with.)
    fn cancel_by_name(&mut self, id: Id) {
        let found = self.scheduled.iter().rposition(|one| one.id == id);
        if let Some(number) = found.filter(|number| self.scheduled[*number].kind != Kind::Remote) {
            self.seen.push(Seen::Answered(self.scheduled[number].cancelled));
            self.cancel(Some(number));
        }
    }

    /// What is called `id` does what it was told to do, until it panics.
    pub(super) fn callback(&mut self, id: Id) {
        for (_, op) in self.rules.clone().iter().filter(|(when, _)| *when == id) {
            if *op == Op::Panic {
                return self.seen.push(Seen::Reported);
            }
            self.perform(op);
        }
    }
}

fn place(fd: Fd) -> usize {
    usize::from(fd) % DESCRIPTORS
}
