//! The half of a connection that sends a request's body.

use std::pin::pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::{Connection, PIECES_AT_ONCE};
use crate::http::client::error::ClientError;
use crate::http::client::stall::Stall;
use crate::http::client::timing::Progress;
use crate::http::client::trace::TraceEvent;
use crate::http::client::upload::Upload;

impl Connection {
    /// Appends the next piece of the body, or its end, to `out`.
    pub(super) fn append(
        &mut self,
        context: &mut Context<'_>,
        out: &mut Vec<u8>,
        progress: &Progress,
    ) -> Poll<Result<(), ClientError>> {
        let machine = &mut self.machine;
        let next = self.upload.poll_next(context, |piece| -> Result<(), ClientError> {
            machine.send_data(out, piece)?;
            if !piece.is_empty() {
                progress.tell(|| TraceEvent::ChunkSent { bytes: piece.len() });
            }
            Ok(())
        });
        if !ready!(next)? && !matches!(self.upload, Upload::Over) {
            self.machine.end_of_message(out)?;
            self.upload = Upload::Over;
        }
        Poll::Ready(Ok(()))
    }

    /// Whether the body is still on its way out.
    pub(super) fn is_sending(&self) -> bool {
        !matches!(self.upload, Upload::Over)
    }

    pub(super) fn give_up_sending(&mut self) {
        self.upload = Upload::Over;
        (self.held, self.stall) = (None, None);
    }

    /// Whether something came, or `None` once all is sent. What comes is looked at first: the
    /// answer of a server that closes would be lost behind the error of a write.
    pub(super) fn poll_while_sending(
        &mut self,
        context: &mut Context<'_>,
        limit: Option<Duration>,
        progress: &Progress,
    ) -> Poll<Result<Option<bool>, ClientError>> {
        match self.poll_receive(context)? {
            Poll::Ready(came) => Poll::Ready(Ok(Some(came))),
            Poll::Pending => self.poll_send(context, limit, progress).map_ok(|()| None),
        }
    }

    /// Sends, until all is sent.
    fn poll_send(
        &mut self,
        context: &mut Context<'_>,
        limit: Option<Duration>,
        progress: &Progress,
    ) -> Poll<Result<(), ClientError>> {
        if let Some(held) = &mut self.held {
            ready!(held.as_mut().poll(context));
            self.held = None;
        }
        let mut out = Vec::new();
        for _ in 0..PIECES_AT_ONCE {
            if !self.is_sending() {
                return Poll::Ready(Ok(()));
            }
            let Poll::Ready(drained) = pin!(self.writer.drain()).poll(context) else {
                return self.poll_stalled(context, limit).map(Err);
            };
            self.stall = None;
            if drained.is_err() {
                // Why it was lost the reading end says, after what the server had to say.
                self.give_up_sending();
                return Poll::Ready(Ok(()));
            }
            ready!(self.append(context, &mut out, progress))?;
            self.writer.write(&out).map_err(ClientError::Lost)?;
            out.clear();
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// There is no room: an error, once the server has taken nothing for too long.
    fn poll_stalled(
        &mut self,
        context: &mut Context<'_>,
        limit: Option<Duration>,
    ) -> Poll<ClientError> {
        let Some(limit) = limit else { return Poll::Pending };
        let unsent = self.writer.transport().get_write_buffer_size();
        self.stall.get_or_insert_with(|| Stall::new(limit, unsent)).poll(context, unsent)
    }
}
