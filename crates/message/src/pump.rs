//! The one body pump: pulls frames out of a [`Body`] and pushes them into a connection, at the pace of the slower side.

use std::task::{Context, Poll, ready};

use crate::body::{Body, Frame};
use crate::error::ProxyError;

/// The end of a connection that takes a body.
pub trait BodySink {
    /// Ready when another frame may be sent.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ProxyError>>;
    /// Takes a frame; only after [`poll_ready`](Self::poll_ready) was ready.
    fn send(&mut self, frame: Frame) -> Result<(), ProxyError>;
    /// Writes what it took, without waiting for more.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ProxyError>>;
    /// Lets the body move what is left of it straight into this connection, where both ends can. `None`: they can not,
    /// or not now.
    fn poll_splice(
        &mut self,
        body: &mut Body,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<(), ProxyError>>> {
        let _ = (body, cx);
        Poll::Ready(None)
    }
    /// Ends the body; writes what it took first.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ProxyError>>;
}

/// Moves `body` into `sink`. Ready when the sink has the end of it.
///
/// Holds at most one frame beyond what the sink takes. Frames that are there at once go out together; as soon as the
/// body has to be waited for, what the sink took is flushed.
///
/// # Errors
/// What either side fails with; whose fault it was is in the error.
pub fn poll_pump(
    body: &mut Body,
    sink: &mut impl BodySink,
    cx: &mut Context<'_>,
) -> Poll<Result<(), ProxyError>> {
    loop {
        if let Some(spliced) = ready!(sink.poll_splice(body, cx)) {
            spliced?;
        }
        ready!(sink.poll_ready(cx))?;
        match body.poll_frame(cx) {
            Poll::Ready(Some(frame)) => sink.send(frame?)?,
            Poll::Ready(None) => {
                *body = Body::Empty;
                return sink.poll_end(cx);
            }
            Poll::Pending => {
                if let Poll::Ready(Err(error)) = sink.poll_flush(cx) {
                    return Poll::Ready(Err(error));
                }
                return Poll::Pending;
            }
        }
    }
}
