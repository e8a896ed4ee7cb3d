//! Bodies: pulled by whoever forwards them, so that a slow reader slows its writer down and nothing piles up.

use std::fmt;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use tokio::net::TcpStream;

use crate::error::ProxyError;

/// What went wrong while a body was read.
pub type BodyError = ProxyError;

/// A piece of a body.
#[derive(Debug)]
pub enum Frame {
    /// Bytes; never empty.
    Data(Bytes),
    /// The trailer fields; always the last frame.
    Trailers(HeaderMap),
}

/// A body that comes piece by piece.
///
/// Dropping it before its end cancels the transfer: the connection behind it is closed or its stream reset (I3).
pub trait BodyStream {
    /// The next piece; `None` at the end. After an error or the end it is not called again.
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, BodyError>>>;

    /// Bytes still to come, where the peer declared them.
    fn remaining(&self) -> Option<u64>;

    /// True once no frame can come any more, so that a head can say "no body" before anything is polled.
    fn is_end(&self) -> bool {
        self.remaining() == Some(0)
    }

    /// Whether what is left could go to another plain connection without passing through this process, and is long
    /// enough for that to pay.
    fn can_splice(&self) -> bool {
        false
    }

    /// Moves what is left into `target`, whose own buffers must be empty; adds to `moved` the bytes that reached it.
    /// Ready when everything was moved; `None` when it can not be done after all, and the rest comes as frames.
    fn poll_splice(
        &mut self,
        cx: &mut Context<'_>,
        target: &TcpStream,
        moved: &mut u64,
    ) -> Poll<Option<Result<(), BodyError>>> {
        let _ = (cx, target, moved);
        Poll::Ready(None)
    }

    /// A tunnel's two directions, taken once by the driver after a 101 response; `None` for every other body.
    fn take_tunnel(&mut self) -> Option<Box<dyn Duplex>> {
        None
    }
}

/// The bytes of a connection that stopped being HTTP (an `Upgrade` that the server agreed to).
pub trait Duplex {
    /// Reads into `buf`; `Ok(0)` at the end of the peer's direction.
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<std::io::Result<usize>>;
    /// Writes some of `data`.
    fn poll_write(&mut self, cx: &mut Context<'_>, data: &[u8]) -> Poll<std::io::Result<usize>>;
    /// Sends what is buffered.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<std::io::Result<()>>;
    /// Ends our direction; the other one stays open (half-close).
    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<std::io::Result<()>>;
}

/// The body of a message.
#[derive(Default)]
pub enum Body {
    /// None at all.
    #[default]
    Empty,
    /// Known as a whole.
    Bytes(Bytes),
    /// Comes piece by piece.
    Stream(Box<dyn BodyStream>),
}

impl Body {
    /// The next piece; `None` at the end.
    pub fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, BodyError>>> {
        match self {
            Self::Empty => Poll::Ready(None),
            Self::Bytes(bytes) => {
                let bytes = std::mem::take(bytes);
                *self = Self::Empty;
                Poll::Ready((!bytes.is_empty()).then_some(Ok(Frame::Data(bytes))))
            }
            Self::Stream(stream) => stream.poll_frame(cx),
        }
    }

    /// The next piece; `None` at the end.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub async fn frame(&mut self) -> Option<Result<Frame, BodyError>> {
        std::future::poll_fn(|cx| self.poll_frame(cx)).await
    }

    /// Bytes still to come, where they are known.
    pub fn remaining(&self) -> Option<u64> {
        match self {
            Self::Empty => Some(0),
            Self::Bytes(bytes) => Some(bytes.len() as u64),
            Self::Stream(stream) => stream.remaining(),
        }
    }

    /// True when nothing will come.
    pub fn is_end(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Bytes(bytes) => bytes.is_empty(),
            Self::Stream(stream) => stream.is_end(),
        }
    }

    /// Reads the whole body, at most `limit` bytes; trailers are dropped.
    ///
    /// # Errors
    /// What the body fails with; [`Kind::BodyTooLarge`](crate::Kind::BodyTooLarge) beyond `limit`, in which case what
    /// was read is lost.
    pub async fn collect(&mut self, limit: u64) -> Result<Bytes, BodyError> {
        let mut first = Bytes::new();
        let mut rest: Vec<u8> = Vec::new();
        let mut total: u64 = 0;
        while let Some(frame) = self.frame().await {
            let Frame::Data(data) = frame? else { continue };
            total += data.len() as u64;
            if total > limit {
                return Err(ProxyError::new(
                    crate::Kind::BodyTooLarge,
                    format!("body is larger than {limit} bytes"),
                ));
            }
            if first.is_empty() && rest.is_empty() {
                first = data;
            } else {
                if rest.is_empty() {
                    rest.extend_from_slice(&std::mem::take(&mut first));
                }
                rest.extend_from_slice(&data);
            }
        }
        Ok(if rest.is_empty() { first } else { rest.into() })
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        if bytes.is_empty() {
            Self::Empty
        } else {
            Self::Bytes(bytes)
        }
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Bytes::from(text).into()
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Bytes::from_static(text.as_bytes()).into()
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("Empty"),
            Self::Bytes(bytes) => write!(f, "Bytes({})", bytes.len()),
            Self::Stream(stream) => write!(f, "Stream({:?})", stream.remaining()),
        }
    }
}
