//! A request body that can be sent more than once.

use std::cell::RefCell;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderMap;

use pointsman_message::body::Duplex;
use pointsman_message::{Body, BodyError, BodyStream, Frame, Kind, ProxyError};

/// Lends the body out and remembers what was taken, so that it can be lent out again from its beginning.
///
/// Nothing is read ahead: a body streams through at the reader's pace, and what has passed is kept until it exceeds
/// the limit. Dropping what was lent out does not cancel the body.
pub(crate) enum Replay {
    /// Known as a whole, empty or not.
    Known(Bytes),
    /// Comes piece by piece.
    Stream(Rc<RefCell<Source>>),
}

pub(crate) struct Source {
    body: Body,
    kept: Vec<Piece>,
    kept_bytes: u64,
    /// The next of `kept` to give out; beyond it `body` is asked.
    at: usize,
    /// What may be kept: nothing, so much, or all.
    keeping: Keeping,
    /// Something was taken that is not in `kept`.
    is_lost: bool,
    has_ended: bool,
    /// Which loan is the current one.
    loan: u64,
}

#[derive(Clone, Copy)]
enum Keeping {
    Nothing,
    AtMost(u64),
    All,
}

#[derive(Clone)]
enum Piece {
    Data(Bytes),
    Trailers(HeaderMap),
}

impl Replay {
    /// `keep`: `None` = lend out again only if nothing was taken; else the most bytes that are kept, without limit for
    /// an inner `None`.
    pub(crate) fn new(body: Body, keep: Option<Option<u64>>) -> Self {
        match body {
            Body::Empty => Self::Known(Bytes::new()),
            Body::Bytes(bytes) => Self::Known(bytes),
            body @ Body::Stream(_) => Self::Stream(Rc::new(RefCell::new(Source {
                body,
                kept: Vec::new(),
                kept_bytes: 0,
                at: 0,
                keeping: match keep {
                    None => Keeping::Nothing,
                    Some(Some(limit)) => Keeping::AtMost(limit),
                    Some(None) => Keeping::All,
                },
                is_lost: false,
                has_ended: false,
                loan: 0,
            }))),
        }
    }

    /// The body from its beginning. What was lent out before ends in an error.
    pub(crate) fn body(&self) -> Body {
        match self {
            Self::Known(bytes) => bytes.clone().into(),
            Self::Stream(source) => {
                let mut shared = source.borrow_mut();
                shared.at = 0;
                shared.loan += 1;
                Body::Stream(Box::new(Loan {
                    number: shared.loan,
                    source: Rc::clone(source),
                }))
            }
        }
    }

    /// True if the whole body can be lent out again.
    pub(crate) fn is_complete(&self) -> bool {
        match self {
            Self::Known(_) => true,
            Self::Stream(source) => !source.borrow().is_lost,
        }
    }

    /// The current loan is the last one: nothing more is kept.
    pub(crate) fn finish(&self) {
        if let Self::Stream(source) = self {
            let source = &mut *source.borrow_mut();
            source.keeping = Keeping::Nothing;
            source.kept.drain(..source.at.min(source.kept.len()));
            source.at = 0;
        }
    }
}

impl Source {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, BodyError>>> {
        if let Some(piece) = self.kept.get(self.at) {
            self.at += 1;
            return Poll::Ready(Some(Ok(piece.clone().into())));
        }
        if self.has_ended {
            return Poll::Ready(None);
        }
        match ready!(self.body.poll_frame(cx)) {
            Some(Ok(frame)) => {
                self.keep(&frame);
                Poll::Ready(Some(Ok(frame)))
            }
            Some(Err(error)) => {
                self.has_ended = true;
                self.is_lost = true;
                Poll::Ready(Some(Err(error)))
            }
            None => {
                self.has_ended = true;
                Poll::Ready(None)
            }
        }
    }

    fn keep(&mut self, frame: &Frame) {
        let (piece, bytes) = match frame {
            Frame::Data(data) => (Piece::Data(data.clone()), data.len() as u64),
            Frame::Trailers(trailers) => (Piece::Trailers(trailers.clone()), 0),
        };
        let fits = match self.keeping {
            Keeping::Nothing => false,
            Keeping::AtMost(limit) => self.kept_bytes.saturating_add(bytes) <= limit,
            Keeping::All => true,
        };
        if fits && !self.is_lost {
            self.kept.push(piece);
            self.kept_bytes += bytes;
            self.at = self.kept.len();
        } else {
            self.is_lost = true;
            self.kept = Vec::new();
            self.at = 0;
        }
    }

    fn kept_ahead(&self) -> u64 {
        let ahead = self.kept.get(self.at..).unwrap_or_default();
        ahead
            .iter()
            .map(|piece| match piece {
                Piece::Data(data) => data.len() as u64,
                Piece::Trailers(_) => 0,
            })
            .sum()
    }
}

impl From<Piece> for Frame {
    fn from(piece: Piece) -> Self {
        match piece {
            Piece::Data(data) => Self::Data(data),
            Piece::Trailers(trailers) => Self::Trailers(trailers),
        }
    }
}

/// The body, lent out.
struct Loan {
    number: u64,
    source: Rc<RefCell<Source>>,
}

impl BodyStream for Loan {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, BodyError>>> {
        let mut source = self.source.borrow_mut();
        if source.loan != self.number {
            return Poll::Ready(Some(Err(ProxyError::new(
                Kind::Internal,
                "request body was taken for another try",
            ))));
        }
        source.poll_frame(cx)
    }

    fn remaining(&self) -> Option<u64> {
        let source = self.source.borrow();
        let unread = if source.has_ended {
            0
        } else {
            source.body.remaining()?
        };
        Some(source.kept_ahead() + unread)
    }

    fn is_end(&self) -> bool {
        let source = self.source.borrow();
        source.at >= source.kept.len() && (source.has_ended || source.body.is_end())
    }

    fn take_tunnel(&mut self) -> Option<Box<dyn Duplex>> {
        match &mut self.source.borrow_mut().body {
            Body::Stream(stream) => stream.take_tunnel(),
            Body::Empty | Body::Bytes(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Pieces, poll_all};

    #[test]
    fn a_body_is_the_same_each_time() {
        let body = Pieces::new(&["ab", "c"]).trailers(&[("t", "1")]).body();
        let replay = Replay::new(body, Some(Some(3)));
        for _ in 0..3 {
            assert!(replay.is_complete());
            let (data, trailers) = poll_all(&mut replay.body()).unwrap();
            assert_eq!(data, "abc");
            assert!(trailers.unwrap().contains_key("t"));
        }
    }

    #[test]
    fn what_was_read_in_part_starts_again_and_goes_on() {
        let replay = Replay::new(Pieces::new(&["ab", "c", "d"]).body(), Some(None));
        let mut cx = Context::from_waker(std::task::Waker::noop());
        let mut first = replay.body();
        assert!(first.poll_frame(&mut cx).is_ready());
        let mut second = replay.body();
        assert!(matches!(
            first.poll_frame(&mut cx),
            Poll::Ready(Some(Err(error))) if error.kind == Kind::Internal
        ));
        assert_eq!(poll_all(&mut second).unwrap().0, "abcd");
        assert_eq!(poll_all(&mut replay.body()).unwrap().0, "abcd");
    }

    #[test]
    fn beyond_the_limit_it_streams_but_cannot_be_repeated() {
        let replay = Replay::new(Pieces::new(&["ab", "cd"]).body(), Some(Some(3)));
        assert_eq!(poll_all(&mut replay.body()).unwrap().0, "abcd");
        assert!(!replay.is_complete());
    }

    #[test]
    fn without_keeping_only_an_untouched_body_can_be_repeated() {
        let replay = Replay::new(Pieces::new(&["ab"]).body(), None);
        drop(replay.body());
        assert!(replay.is_complete());
        assert_eq!(poll_all(&mut replay.body()).unwrap().0, "ab");
        assert!(!replay.is_complete());
    }

    #[test]
    fn the_length_is_told_from_where_the_reader_is() {
        let replay = Replay::new(Pieces::new(&["ab"]).declared(2).body(), Some(None));
        assert_eq!(replay.body().remaining(), Some(2));
        let mut body = replay.body();
        assert_eq!(poll_all(&mut body).unwrap().0, "ab");
        assert_eq!((body.remaining(), body.is_end()), (Some(0), true));
        let body = replay.body();
        assert_eq!((body.remaining(), body.is_end()), (Some(2), false));
    }

    #[test]
    fn after_the_last_loan_nothing_is_kept() {
        let replay = Replay::new(Pieces::new(&["ab", "cd"]).body(), Some(None));
        let mut cx = Context::from_waker(std::task::Waker::noop());
        let mut body = replay.body();
        assert!(body.poll_frame(&mut cx).is_ready());
        replay.finish();
        assert_eq!(poll_all(&mut body).unwrap().0, "cd");
        assert!(matches!(&replay, Replay::Stream(source) if source.borrow().kept.is_empty()));
    }

    #[test]
    fn a_body_that_failed_cannot_be_repeated() {
        let error = ProxyError::new(Kind::ClientGone, "reset");
        let replay = Replay::new(Pieces::new(&["ab"]).failing(error).body(), Some(None));
        assert_eq!(
            poll_all(&mut replay.body()).unwrap_err().kind,
            Kind::ClientGone
        );
        assert!(!replay.is_complete());
    }
}
