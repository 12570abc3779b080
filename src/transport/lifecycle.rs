//! The life of a stream transport: what may happen in each phase of it, and what must then be done.
//!
//! asyncio keeps this in separate booleans (`_closing`, `_eof`, `_paused`, `_conn_lost`, …) whose
//! combinations nobody lists. Here it is one [`Phase`], moved by one [`Cause`] at a time; the shell
//! that owns the socket does what the [`Action`]s say and decides nothing itself.
//!
//! # The call grammar
//!
//! ```text
//! connection_made  data_received*  eof_received?  connection_lost
//! ```
//!
//! `connection_made` comes before any data; `eof_received` at most once and after the last data;
//! `connection_lost` last and exactly once. The machine enforces it: bytes and the end of file may
//! be delivered only while [`Lifecycle::may_deliver`] holds, and [`Action::ScheduleLost`] is given
//! once in a life. A connection that ends before `connection_made` (`New` to `Lost`) has no calls
//! at all.
//!
//! # The phases
//!
//! ```text
//!                reads  takes writes
//! New            no     no      connection_made has not been called
//! Open           yes    yes
//! PeerFinished   no     yes     the peer sent EOF, eof_received asked to keep open
//! Finishing      yes    no      write_eof was called, unsent bytes go first
//! Finished       yes    no      our FIN is sent
//! BothFinishing  no     no      the peer has finished, our unsent bytes go before our FIN
//! BothFinished   no     no      both FINs are on their way; close() is still awaited
//! Draining       no     no      a send has failed; what the peer had sent before is delivered
//! Flushing       no     no      close() was called, unsent bytes go first
//! Closed         no     no      connection_lost is scheduled
//! Lost           no     no      connection_lost is delivered, the descriptor is closed
//! ```
//!
//! # The transitions
//!
//! A dot keeps the phase. The table knows nothing of the buffer: `close()` and `write_eof()` go to
//! the phase that waits for the unsent bytes, and where there are none, [`on`](Lifecycle::on) lets
//! `Drained` follow at once. After our FIN there can be none, so nothing is waited for.
//!
//! ```text
//! from           Made  EofKept        EofClosed  WriteEof       Close     Abort   Broken  SendFailed  Drained       Delivered
//! New            Open  .              .          .              Lost      Lost    Lost    Lost        .             .
//! Open           .     PeerFinished   Flushing   Finishing      Flushing  Closed  Closed  Draining    .             .
//! PeerFinished   .     .              .          BothFinishing  Flushing  Closed  Closed  Closed      .             .
//! Finishing      .     BothFinishing  Flushing   .              Flushing  Closed  Closed  Draining    Finished      .
//! Finished       .     BothFinished   Closed     .              Closed    Closed  Closed  Draining    .             .
//! BothFinishing  .     .              .          .              Flushing  Closed  Closed  Closed      BothFinished  .
//! BothFinished   .     .              .          .              Closed    Closed  Closed  Closed      .             .
//! Draining       .     Closed         Closed     .              Closed    Closed  Closed  .           .             .
//! Flushing       .     .              .          .              .         Closed  Closed  Closed      Closed        .
//! Closed         .     .              .          .              .         .       .       .           .             Lost
//! Lost           .     .              .          .              .         .       .       .           .             .
//! ```
//!
//! # When a send fails
//!
//! The peer's reset or end can meet our own write first: a server that answers 413 and closes while
//! we send it the rest of the body. What it had said before is in the kernel still, and it is what
//! our user wants to know. So a phase that reads becomes `Draining`: it is closing, what is unsent is
//! forgotten, and the shell receives, a piece a turn, until the end of file, an error, or there is
//! nothing: what came before the reset is all there, and is not waited for. Then comes
//! `connection_lost`, with the error of the send. Three things end that at once: a pause of
//! reading, for a protocol that does not read must learn of the loss none the less; a protocol that
//! [wants none of it](super::Protocol::reads_after_failed_write); and as many receives as
//! `ending.rs` names, for a peer that refuses our bytes and goes on sending its own.
//!
//! # Unlike asyncio
//!
//! asyncio closes at once when a send fails, and what has come is lost; aiohttp's clients then see
//! `ClientOSError: Broken pipe` in the place of the answer.
//!
//! A write after `close()` is always discarded. asyncio discards it if the kernel had taken every
//! earlier byte and sends it otherwise, so that the outcome hangs on the peer's speed.

/// Where in its life a stream transport is. The module's tables say what each phase allows.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Phase {
    /// `connection_made` has not been called.
    New,
    /// Both directions are open.
    Open,
    /// The peer sent EOF and `eof_received` asked to keep the connection.
    PeerFinished,
    /// `write_eof` was called; unsent bytes go before the FIN.
    Finishing,
    /// `write_eof` was called and the FIN is sent.
    Finished,
    /// As `Finishing`, and the peer has finished too.
    BothFinishing,
    /// As `Finished`, and the peer has finished too.
    BothFinished,
    /// A send has failed; what the peer had sent before is received, and then it is over.
    Draining,
    /// `close` was called; unsent bytes go before the end.
    Flushing,
    /// `connection_lost` is scheduled.
    Closed,
    /// `connection_lost` is delivered.
    Lost,
}

/// What can happen to a stream transport.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Cause {
    /// `connection_made` is about to be called.
    Made,
    /// The peer sent EOF, and `eof_received` returned true.
    EofKept,
    /// The peer sent EOF, and `eof_received` returned false.
    EofClosed,
    /// `write_eof()` was called.
    WriteEof,
    /// `close()` was called.
    Close,
    /// `abort()` was called.
    Abort,
    /// A system call failed for good, or the protocol did.
    Broken,
    /// A call that sends failed for good: the peer takes nothing more.
    SendFailed,
    /// The last unsent byte was taken by the kernel.
    Drained,
    /// `connection_lost` has returned.
    Delivered,
}

/// What the shell must do after a [`Cause`], in the order given.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Action {
    /// Stop watching the descriptor for reading.
    StopReading,
    /// shutdown(2) the writing side: there is nothing unsent and nothing will follow.
    SendFin,
    /// Forget the unsent bytes and stop watching the descriptor for writing.
    StopWriting,
    /// Receive what has come, a piece a turn; then report [`Cause::Broken`].
    Drain,
    /// Let the loop call `connection_lost` in its next turn, then report [`Cause::Delivered`].
    ScheduleLost,
    /// Close the descriptor; let go of the protocol and the loop.
    Release,
}

/// What becomes of a `write()`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum WriteVerdict {
    /// Its bytes are sent or kept.
    Take,
    /// It is the caller's error: `write()` after `write_eof()`.
    AfterEof,
    /// The connection is over or not there yet: the bytes vanish silently.
    Discard,
}

impl Phase {
    /// The phase that `cause` leads to: the module's table as code.
    pub const fn after(self, cause: Cause) -> Phase {
        use Phase::*;
        match (self, cause) {
            (New, Cause::Made) => Open,
            (New, Cause::Close | Cause::Abort | Cause::Broken | Cause::SendFailed) => Lost,
            (Closed, Cause::Delivered) => Lost,
            (New | Closed | Lost, _) => self,
            (_, Cause::Abort | Cause::Broken) => Closed,
            (Open | Finishing | Finished, Cause::SendFailed) => Draining,
            (Draining, Cause::SendFailed) => Draining,
            (_, Cause::SendFailed) => Closed,
            (Draining, Cause::Close | Cause::EofKept | Cause::EofClosed) => Closed,
            (Finished, Cause::EofClosed) | (Finished | BothFinished, Cause::Close) => Closed,
            (Open | Finishing, Cause::EofClosed) | (_, Cause::Close) => Flushing,
            (Flushing, Cause::Drained) => Closed,
            (Open, Cause::EofKept) => PeerFinished,
            (Open, Cause::WriteEof) => Finishing,
            (PeerFinished, Cause::WriteEof) => BothFinishing,
            (Finishing, Cause::EofKept) => BothFinishing,
            (Finished, Cause::EofKept) => BothFinished,
            (Finishing, Cause::Drained) => Finished,
            (BothFinishing, Cause::Drained) => BothFinished,
            _ => self,
        }
    }

    /// Whether this phase waits for bytes to receive, unless reading is paused.
    pub const fn reads(self) -> bool {
        matches!(self, Phase::Open | Phase::Finishing | Phase::Finished)
    }

    /// Whether the end has begun: asyncio's `is_closing()`.
    pub const fn is_closing(self) -> bool {
        matches!(self, Phase::Draining | Phase::Flushing | Phase::Closed | Phase::Lost)
    }

    /// Whether bytes written earlier may still be sent.
    pub const fn sends(self) -> bool {
        use Phase::*;
        matches!(self, Open | PeerFinished | Finishing | BothFinishing | Flushing)
    }

    /// What becomes of a `write()` in this phase.
    pub const fn write_verdict(self) -> WriteVerdict {
        use Phase::*;
        match self {
            Open | PeerFinished => WriteVerdict::Take,
            Finishing | Finished | BothFinishing | BothFinished => WriteVerdict::AfterEof,
            New | Draining | Flushing | Closed | Lost => WriteVerdict::Discard,
        }
    }

    const fn fin_is_sent(self) -> bool {
        matches!(self, Phase::Finished | Phase::BothFinished)
    }

    /// Whether `connection_lost` is scheduled or delivered.
    pub const fn is_over(self) -> bool {
        matches!(self, Phase::Closed | Phase::Lost)
    }
}

/// A transport's [`Phase`], and whether its owner has paused reading.
///
/// Pausing is a flag beside the phase because it changes none of the transitions: it matters only
/// in the phases that read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lifecycle {
    phase: Phase,
    paused: bool,
}

impl Lifecycle {
    /// The beginning: `connection_made` has not been called.
    pub const fn new() -> Lifecycle {
        Lifecycle { phase: Phase::New, paused: false }
    }

    /// The beginning of a transport that only reads, as of a pipe's reader: it is as if our FIN had
    /// been sent already.
    pub const fn only_reads() -> Lifecycle {
        Lifecycle { phase: Phase::Finished, paused: false }
    }

    /// The beginning of a transport that only writes: it is as if the peer had finished already.
    pub const fn only_writes() -> Lifecycle {
        Lifecycle { phase: Phase::PeerFinished, paused: false }
    }

    /// The end without the calls of the grammar: the loop was closed under it, and the shell has
    /// let go of everything by itself.
    pub const fn evicted() -> Lifecycle {
        Lifecycle { phase: Phase::Lost, paused: false }
    }

    /// The present phase.
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// Moves on by `cause` and says what to do about it, in order.
    ///
    /// `nothing_unsent` tells whether the outgoing buffer is empty; whoever waits for that (the FIN
    /// of `write_eof`, the end of `close`) then need not wait.
    pub fn on(
        &mut self,
        cause: Cause,
        nothing_unsent: bool,
    ) -> impl Iterator<Item = Action> + use<> {
        let before = *self;
        self.phase = self.phase.after(cause);
        if nothing_unsent {
            self.phase = self.phase.after(Cause::Drained);
        }
        before.actions_towards(self.phase)
    }

    /// What a shell in this state must do to be in phase `to`.
    fn actions_towards(self, to: Phase) -> impl Iterator<Item = Action> + use<> {
        let from = self.phase;
        let made = !matches!(from, Phase::New);
        let ends = to.is_over() && !from.is_over();
        let drains = to == Phase::Draining && from != Phase::Draining;
        [
            (Action::StopReading, self.is_reading() && !to.reads()),
            (Action::SendFin, to.fin_is_sent() && !from.fin_is_sent()),
            (Action::StopWriting, made && (drains || (ends && from != Phase::Draining))),
            (Action::Drain, drains),
            (Action::ScheduleLost, ends && made),
            (Action::Release, to == Phase::Lost && from != Phase::Lost),
        ]
        .into_iter()
        .filter_map(|(action, due)| due.then_some(action))
    }

    /// Pauses reading; true if the shell must therefore stop watching the descriptor. Again, or in
    /// a phase that does not read, it changes nothing.
    pub fn pause_reading(&mut self) -> bool {
        let was_reading = self.is_reading();
        if !self.phase.is_closing() || self.phase == Phase::Draining {
            self.paused = true;
        }
        was_reading
    }

    /// Ends the pause; true if the shell must therefore watch the descriptor again.
    pub fn resume_reading(&mut self) -> bool {
        let was_paused = std::mem::take(&mut self.paused);
        was_paused && self.phase.reads()
    }

    /// Whether the descriptor is to be watched for reading: asyncio's `is_reading()`.
    pub const fn is_reading(&self) -> bool {
        self.phase.reads() && !self.paused
    }

    /// Whether `data_received` or `eof_received` may be called now. The shell asks before each
    /// call, because the call before it may have closed or paused the transport.
    pub const fn may_deliver(&self) -> bool {
        (self.phase.reads() || matches!(self.phase, Phase::Draining)) && !self.paused
    }
}

impl Default for Lifecycle {
    fn default() -> Lifecycle {
        Lifecycle::new()
    }
}

#[cfg(test)]
#[path = "lifecycle_tests.rs"]
mod tests;
