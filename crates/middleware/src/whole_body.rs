//! Reading bodies as a whole, or to get rid of them.

use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;

use pointsman_message::{Body, BodyError, BodyStream, Frame};

/// The most that is read of a body that nobody wants. A connection whose response was read to its end can be used
/// again (I3); beyond this a new one costs less.
pub(crate) const MAX_DISCARDED: u64 = 64 * 1024;

/// A body that was read.
pub(crate) enum Limited {
    /// All of it.
    Whole(Whole),
    /// It is larger; the rest was not read.
    TooLarge,
}

/// A body and its trailers.
#[derive(Debug, Clone)]
pub(crate) struct Whole {
    pub(crate) data: Bytes,
    trailers: Option<HeaderMap>,
}

/// Reads `body`, at most `limit` bytes.
///
/// # Errors
/// What the body fails with.
pub(crate) async fn read_whole(body: &mut Body, limit: Option<u64>) -> Result<Limited, BodyError> {
    let limit = limit.unwrap_or(u64::MAX);
    // A length that is declared is enforced by the codec, so that nothing needs to be read to refuse it.
    if body.remaining().is_some_and(|length| length > limit) {
        return Ok(Limited::TooLarge);
    }
    let mut first = Bytes::new();
    let mut joined: Vec<u8> = Vec::new();
    let mut trailers = None;
    let mut total = 0_u64;
    while let Some(frame) = body.frame().await {
        let data = match frame? {
            Frame::Data(data) => data,
            Frame::Trailers(fields) => {
                trailers = Some(fields);
                continue;
            }
        };
        total = total.saturating_add(data.len() as u64);
        if total > limit {
            return Ok(Limited::TooLarge);
        }
        if first.is_empty() && joined.is_empty() {
            first = data;
        } else {
            if joined.is_empty() {
                joined.extend_from_slice(&std::mem::take(&mut first));
            }
            joined.extend_from_slice(&data);
        }
    }
    let data = if joined.is_empty() {
        first
    } else {
        joined.into()
    };
    Ok(Limited::Whole(Whole { data, trailers }))
}

/// Reads what is there of `body` already, so that its connection may be used again; waits for nothing.
pub(crate) async fn discard_what_came(body: &mut Body) {
    let mut read = 0;
    std::future::poll_fn(|cx| {
        while read < MAX_DISCARDED {
            match body.poll_frame(cx) {
                Poll::Ready(Some(Ok(Frame::Data(data)))) => read += data.len() as u64,
                Poll::Ready(Some(Ok(Frame::Trailers(_)))) => {}
                Poll::Ready(Some(Err(_)) | None) | Poll::Pending => break,
            }
        }
        Poll::Ready(())
    })
    .await;
}

impl Whole {
    /// The body once more.
    pub(crate) fn body(&self) -> Body {
        match &self.trailers {
            None => self.data.clone().into(),
            Some(_) => Body::Stream(Box::new(self.clone())),
        }
    }
}

impl BodyStream for Whole {
    fn poll_frame(&mut self, _: &mut Context<'_>) -> Poll<Option<Result<Frame, BodyError>>> {
        if !self.data.is_empty() {
            let data = std::mem::take(&mut self.data);
            return Poll::Ready(Some(Ok(Frame::Data(data))));
        }
        Poll::Ready(
            self.trailers
                .take()
                .map(|fields| Ok(Frame::Trailers(fields))),
        )
    }

    /// Unknown as long as trailers follow: a length would leave them no room.
    fn remaining(&self) -> Option<u64> {
        match &self.trailers {
            None => Some(self.data.len() as u64),
            Some(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Pieces, poll_all};

    #[tokio::test]
    async fn a_whole_body_keeps_its_trailers() {
        let mut body = Pieces::new(&["ab", "c"]).trailers(&[("t", "1")]).body();
        let Ok(Limited::Whole(whole)) = read_whole(&mut body, Some(3)).await else {
            panic!("body fits");
        };
        let mut again = whole.body();
        assert_eq!((again.remaining(), again.is_end()), (None, false));
        let (data, trailers) = poll_all(&mut again).unwrap();
        assert_eq!(data, "abc");
        assert!(trailers.unwrap().contains_key("t"));
        let mut plain = Pieces::new(&["ab"]).body();
        let Ok(Limited::Whole(whole)) = read_whole(&mut plain, None).await else {
            panic!("body fits");
        };
        assert_eq!(whole.body().remaining(), Some(2));
    }

    #[tokio::test]
    async fn a_declared_length_above_the_limit_is_refused_unread() {
        let pieces = Pieces::new(&["abcd"]).declared(4);
        let taken = pieces.counter();
        let refused = read_whole(&mut pieces.body(), Some(3)).await;
        assert!(matches!(refused, Ok(Limited::TooLarge)));
        assert_eq!(taken.get(), 0);
    }

    #[tokio::test]
    async fn what_is_discarded_is_read_to_its_end() {
        let pieces = Pieces::new(&["ab", "cd"]).trailers(&[("t", "1")]);
        let taken = pieces.counter();
        discard_what_came(&mut pieces.body()).await;
        assert_eq!(taken.get(), 4);
    }
}
