//! Messages to bytes, by our own serialiser only.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http::header::{self, HeaderMap, HeaderName};
use http::{StatusCode, Version};
use pointsman_message::{Frame, RequestHead, ResponseHead};
use pointsman_wire::chunked::{CHUNK_END, chunk_head, write_last_chunk};
use tokio::io::AsyncWrite;

/// Pieces of a body up to this size are copied behind what is waiting to be written; larger ones are written from
/// where they are.
const COPY_MAX: usize = 8 * 1024;
/// More than this many bytes wait for the socket before the next piece is taken.
const HIGH_WATER: usize = 32 * 1024;
/// First size of the buffer: most heads fit.
const FIRST: usize = 1024;
/// A buffer that grew beyond this is not kept.
const KEEP: usize = 16 * 1024;

/// How a body that is written ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyFraming {
    /// There is none.
    None,
    /// So many bytes are still to be written.
    Length(u64),
    /// Chunks.
    Chunked,
    /// The end of the connection ends it.
    UntilClose,
}

/// A body that does not fit its framing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LengthError {
    /// More bytes came than were declared.
    #[error("body is longer than declared")]
    TooLong,
    /// The body ended before its declared length.
    #[error("body is shorter than declared")]
    TooShort,
}

/// What waits to be written to one connection: heads and small pieces copied together, then at most one large piece.
#[derive(Debug, Default)]
pub struct Writer {
    out: Vec<u8>,
    at: usize,
    data: Bytes,
    /// How many bytes of the line end behind `data` are left.
    chunk_end: u8,
}

impl Writer {
    /// True when everything was written.
    pub fn is_empty(&self) -> bool {
        self.at == self.out.len() && self.data.is_empty() && self.chunk_end == 0
    }

    /// True when the next piece should wait.
    pub fn is_full(&self) -> bool {
        !self.data.is_empty() || self.chunk_end > 0 || self.out.len() - self.at > HIGH_WATER
    }

    /// Gives memory back; only an empty writer has any to give.
    pub fn shrink(&mut self) {
        if self.is_empty() && self.out.capacity() > 0 {
            self.out = Vec::new();
            self.at = 0;
        }
    }

    /// Appends a request's head.
    pub fn request_head(&mut self, head: &RequestHead, authority: &str, framing: BodyFraming) {
        let out = self.begin();
        out.extend_from_slice(head.method.as_str().as_bytes());
        out.push(b' ');
        out.extend_from_slice(head.target().as_bytes());
        out.extend_from_slice(b" HTTP/1.1\r\nHost: ");
        out.extend_from_slice(authority.as_bytes());
        out.extend_from_slice(b"\r\n");
        fields(out, &head.headers);
        if head.headers.contains_key(header::UPGRADE) {
            out.extend_from_slice(b"Connection: Upgrade\r\n");
        }
        match framing {
            BodyFraming::Length(length) => content_length(out, length),
            BodyFraming::Chunked => out.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
            // RFC 9110 §8.6: a method that usually has content says so when it has none.
            BodyFraming::None if needs_length(&head.method) => content_length(out, 0),
            BodyFraming::None | BodyFraming::UntilClose => {}
        }
        out.extend_from_slice(b"\r\n");
    }

    /// Appends a response's head. `declared_length` is written where there is no body to take a length from (HEAD,
    /// 304); `close` says that the connection will not be used again.
    pub fn response_head(
        &mut self,
        head: &ResponseHead,
        version: Version,
        framing: BodyFraming,
        declared_length: Option<u64>,
        connection: Option<&'static str>,
    ) {
        let out = self.begin();
        out.extend_from_slice(if version == Version::HTTP_10 {
            b"HTTP/1.0 "
        } else {
            b"HTTP/1.1 "
        });
        status_line(out, head.status);
        fields(out, &head.headers);
        match (framing, declared_length) {
            (BodyFraming::Length(length), _) | (BodyFraming::None, Some(length)) => {
                content_length(out, length)
            }
            (BodyFraming::Chunked, _) => out.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
            (BodyFraming::None | BodyFraming::UntilClose, _) => {}
        }
        if let Some(option) = connection {
            out.extend_from_slice(b"Connection: ");
            out.extend_from_slice(option.as_bytes());
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"\r\n");
    }

    /// Appends raw bytes.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.begin().extend_from_slice(bytes);
    }

    /// Appends a piece of a body; the writer must not be [full](Self::is_full).
    ///
    /// # Errors
    /// [`LengthError::TooLong`].
    pub fn frame(&mut self, framing: &mut BodyFraming, frame: Frame) -> Result<(), LengthError> {
        debug_assert!(!self.is_full(), "asked before it was ready");
        let data = match (frame, &mut *framing) {
            // As a chunk it would be the last one.
            (Frame::Data(data), _) if data.is_empty() => return Ok(()),
            (Frame::Trailers(trailers), BodyFraming::Chunked) => {
                let lines = trailers
                    .iter()
                    .map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes()));
                write_last_chunk(self.begin(), lines);
                *framing = BodyFraming::None;
                return Ok(());
            }
            // Only chunks can have trailers behind them (RFC 9112 §7.1.2); elsewhere they may be dropped.
            (Frame::Trailers(_), _) => return Ok(()),
            (Frame::Data(data), BodyFraming::Length(left)) => {
                *left = left
                    .checked_sub(data.len() as u64)
                    .ok_or(LengthError::TooLong)?;
                data
            }
            (Frame::Data(_), BodyFraming::None) => return Err(LengthError::TooLong),
            (Frame::Data(data), BodyFraming::UntilClose) => data,
            (Frame::Data(data), BodyFraming::Chunked) => {
                self.begin()
                    .extend_from_slice(chunk_head(data.len() as u64).as_bytes());
                if data.len() <= COPY_MAX {
                    self.out.extend_from_slice(&data);
                    self.out.extend_from_slice(CHUNK_END);
                } else {
                    self.data = data;
                    self.chunk_end = 2;
                }
                return Ok(());
            }
        };
        if data.len() <= COPY_MAX {
            self.begin().extend_from_slice(&data);
        } else {
            self.begin();
            self.data = data;
        }
        Ok(())
    }

    /// Ends a body.
    ///
    /// # Errors
    /// [`LengthError::TooShort`].
    pub fn end(&mut self, framing: &mut BodyFraming) -> Result<(), LengthError> {
        match *framing {
            BodyFraming::Length(left) if left > 0 => return Err(LengthError::TooShort),
            BodyFraming::Chunked => {
                self.begin().extend_from_slice(b"0\r\n\r\n");
                *framing = BodyFraming::None;
            }
            _ => {}
        }
        Ok(())
    }

    /// Writes what waits, and flushes.
    ///
    /// # Errors
    /// What the connection fails with.
    pub fn poll_flush<S: AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut S,
    ) -> Poll<io::Result<()>> {
        while !self.is_empty() {
            let head = self.out.get(self.at..).unwrap_or_default();
            let written = if self.data.is_empty() && self.chunk_end == 0 {
                ready!(Pin::new(&mut *stream).poll_write(cx, head))?
            } else {
                let end = CHUNK_END
                    .get(2 - usize::from(self.chunk_end)..)
                    .unwrap_or_default();
                let slices = [
                    IoSlice::new(head),
                    IoSlice::new(&self.data),
                    IoSlice::new(end),
                ];
                // The first slice that holds something leads: some writers look at no other.
                let lead = usize::from(head.is_empty())
                    + usize::from(head.is_empty() && self.data.is_empty());
                ready!(
                    Pin::new(&mut *stream)
                        .poll_write_vectored(cx, slices.get(lead..).unwrap_or_default())
                )?
            };
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.advance(written);
        }
        Pin::new(stream).poll_flush(cx)
    }

    fn advance(&mut self, written: usize) {
        let head = written.min(self.out.len() - self.at);
        self.at += head;
        let data = (written - head).min(self.data.len());
        self.data.advance(data);
        let end = (written - head - data).min(usize::from(self.chunk_end));
        self.chunk_end -= end as u8;
        if self.at == self.out.len() {
            self.at = 0;
            self.out.clear();
            if self.out.capacity() > KEEP {
                self.out = Vec::new();
            }
        }
        if self.data.is_empty() {
            self.data = Bytes::new();
        }
    }

    /// The copy buffer. What is appended must come behind a large piece that waits, so there must be none.
    fn begin(&mut self) -> &mut Vec<u8> {
        debug_assert!(
            self.data.is_empty() && self.chunk_end == 0,
            "a large piece is still waiting"
        );
        if self.out.capacity() == 0 {
            self.out.reserve(FIRST);
        }
        &mut self.out
    }
}

fn needs_length(method: &http::Method) -> bool {
    matches!(
        *method,
        http::Method::POST | http::Method::PUT | http::Method::PATCH
    )
}

fn content_length(out: &mut Vec<u8>, length: u64) {
    out.extend_from_slice(b"Content-Length: ");
    out.extend_from_slice(itoa::Buffer::new().format(length).as_bytes());
    out.extend_from_slice(b"\r\n");
}

fn status_line(out: &mut Vec<u8>, status: StatusCode) {
    if status == StatusCode::OK {
        out.extend_from_slice(b"200 OK\r\n");
        return;
    }
    out.extend_from_slice(status.as_str().as_bytes());
    out.push(b' ');
    out.extend_from_slice(status.canonical_reason().unwrap_or("").as_bytes());
    out.extend_from_slice(b"\r\n");
}

fn fields(out: &mut Vec<u8>, headers: &HeaderMap) {
    for (name, value) in headers {
        canonical_name(out, name);
        out.extend_from_slice(b": ");
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
}

/// Appends `name` in the case that Go writes, `Content-Type`: servers that care about case have met that one.
fn canonical_name(out: &mut Vec<u8>, name: &HeaderName) {
    let start = out.len();
    out.extend_from_slice(name.as_str().as_bytes());
    let mut upper = true;
    for byte in out.iter_mut().skip(start) {
        if upper {
            byte.make_ascii_uppercase();
        }
        upper = *byte == b'-';
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use http::HeaderValue;

    use super::*;

    /// Takes `step` bytes a write.
    struct Slow {
        taken: Vec<u8>,
        step: usize,
    }

    impl AsyncWrite for Slow {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            data: &[u8],
        ) -> Poll<io::Result<usize>> {
            let n = self.step.min(data.len());
            self.taken.extend_from_slice(&data[..n]);
            Poll::Ready(Ok(n))
        }
        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    fn flush(writer: &mut Writer, step: usize) -> Vec<u8> {
        let mut slow = Slow {
            taken: Vec::new(),
            step,
        };
        let mut cx = Context::from_waker(Waker::noop());
        assert!(writer.poll_flush(&mut cx, &mut slow).is_ready());
        assert!(writer.is_empty());
        slow.taken
    }

    #[test]
    fn a_request_is_written_with_canonical_names() {
        let mut head = RequestHead::default();
        head.set_target("/a", Some("b"));
        head.headers
            .insert("x-real-ip", HeaderValue::from_static("::1"));
        let mut writer = Writer::default();
        writer.request_head(&head, "shop.example", BodyFraming::None);
        assert_eq!(
            String::from_utf8(flush(&mut writer, 7)).unwrap(),
            "GET /a?b HTTP/1.1\r\nHost: shop.example\r\nX-Real-Ip: ::1\r\n\r\n"
        );
    }

    #[test]
    fn chunks_large_and_small_come_out_whole_whatever_the_socket_takes() {
        for step in [1, 3, 4_096, 1 << 20] {
            let mut writer = Writer::default();
            let mut framing = BodyFraming::Chunked;
            let big = Bytes::from(vec![b'x'; COPY_MAX + 1]);
            let mut out = Vec::new();
            writer
                .frame(&mut framing, Frame::Data(Bytes::from_static(b"ab")))
                .unwrap();
            writer
                .frame(&mut framing, Frame::Data(big.clone()))
                .unwrap();
            assert!(writer.is_full());
            out.extend(flush(&mut writer, step));
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", HeaderValue::from_static("0"));
            writer
                .frame(&mut framing, Frame::Trailers(trailers))
                .unwrap();
            writer.end(&mut framing).unwrap();
            out.extend(flush(&mut writer, step));
            let expected = [
                b"2\r\nab\r\n2001\r\n",
                &big[..],
                b"\r\n0\r\ngrpc-status: 0\r\n\r\n",
            ]
            .concat();
            assert!(out == expected, "step {step}");
        }
    }

    #[test]
    fn an_empty_piece_ends_no_body() {
        let mut writer = Writer::default();
        let mut framing = BodyFraming::Chunked;
        for piece in ["a", "", "b"] {
            let frame = Frame::Data(Bytes::from_static(piece.as_bytes()));
            writer.frame(&mut framing, frame).unwrap();
        }
        writer.end(&mut framing).unwrap();
        assert_eq!(
            flush(&mut writer, 1 << 20),
            b"1\r\na\r\n1\r\nb\r\n0\r\n\r\n"
        );
    }

    #[test]
    fn a_body_must_fit_its_declared_length() {
        let mut writer = Writer::default();
        let mut framing = BodyFraming::Length(3);
        writer
            .frame(&mut framing, Frame::Data(Bytes::from_static(b"ab")))
            .unwrap();
        assert_eq!(writer.end(&mut framing), Err(LengthError::TooShort));
        assert_eq!(
            writer.frame(&mut framing, Frame::Data(Bytes::from_static(b"cd"))),
            Err(LengthError::TooLong)
        );
    }
}
