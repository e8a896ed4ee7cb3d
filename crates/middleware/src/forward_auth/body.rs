//! Reading a body as a whole, up to a limit.

use bytes::Bytes;
use http::HeaderMap;
use std::task::{Context, Poll};

use pointsman_message::{Body, BodyError, BodyStream, Frame};

/// A body that was read.
pub(super) enum Limited {
    /// All of it.
    Whole(Whole),
    /// It is larger; the rest was not read.
    TooLarge,
}

/// A body and its trailers.
#[derive(Debug, Clone)]
pub(super) struct Whole {
    pub(super) data: Bytes,
    trailers: Option<HeaderMap>,
}

/// Reads `body`, at most `limit` bytes.
///
/// # Errors
/// What the body fails with.
pub(super) async fn read_whole(body: &mut Body, limit: Option<u64>) -> Result<Limited, BodyError> {
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

impl Whole {
    /// The body once more.
    pub(super) fn body(&self) -> Body {
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
