//! One end of an HTTP/1.1 connection, in raw bytes or in strictly read messages.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::message::{Framing, Head, Malformed, Message, field};

/// One end of a connection: the client's or the upstream's.
///
/// `S` is any stream, so that the same serves TCP, TLS and in-memory pipes. What was read beyond a
/// message stays in a buffer for the next.
#[derive(Debug)]
pub struct Wire<S = TcpStream> {
    stream: S,
    buffer: Vec<u8>,
}

/// Why a message could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The connection failed, for example by a reset.
    #[error("connection failed")]
    Io(#[from] io::Error),
    /// The connection ended before the message did. `read` is what of it had arrived.
    #[error("connection closed after \"{}\"", .read.escape_ascii())]
    Closed {
        /// The unread rest of the buffer.
        read: Vec<u8>,
    },
    /// The message breaks RFC 9112.
    #[error(transparent)]
    Malformed(#[from] Malformed),
}

impl Wire<TcpStream> {
    /// A new connection to `address`, with `TCP_NODELAY`, so that each [`Wire::send`] is on its way
    /// at once.
    ///
    /// # Errors
    ///
    /// Whatever the connect fails with.
    pub async fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self::new(stream))
    }

    /// Ends the connection with a TCP reset; what was sent and not yet read may be lost.
    ///
    /// # Errors
    ///
    /// If the socket refuses the option.
    pub fn reset(self) -> io::Result<()> {
        self.stream.set_zero_linger()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    /// Takes over a stream.
    pub fn new(stream: S) -> Self {
        Self {
            stream,
            buffer: Vec::new(),
        }
    }

    /// The stream and what was read from it but not used.
    pub fn into_parts(self) -> (S, Vec<u8>) {
        (self.stream, self.buffer)
    }

    /// Sends the bytes as they are, and flushes.
    ///
    /// # Errors
    ///
    /// If the connection is gone.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref()).await?;
        self.stream.flush().await
    }

    /// Half-close: nothing more is sent, reading goes on.
    ///
    /// # Errors
    ///
    /// If the connection is gone.
    pub async fn finish_sending(&mut self) -> io::Result<()> {
        self.stream.shutdown().await
    }

    /// A request: its head, and its body if it states one.
    ///
    /// # Errors
    ///
    /// [`ReadError`]; a body that is cut off is `Closed`.
    pub async fn read_request(&mut self) -> Result<Message, ReadError> {
        let head = self.read_head().await?;
        let framing = head.request_framing()?;
        self.read_body(head, framing).await
    }

    /// The next response to a request with method `method`: an interim one (1xx) too, each counts
    /// as a message of its own.
    ///
    /// # Errors
    ///
    /// [`ReadError`].
    pub async fn read_response(&mut self, method: &str) -> Result<Message, ReadError> {
        let head = self.read_head().await?;
        let framing = head.response_framing(method)?;
        self.read_body(head, framing).await
    }

    /// Only a head; the body, if any, is left unread.
    ///
    /// # Errors
    ///
    /// [`ReadError`].
    pub async fn read_head(&mut self) -> Result<Head, ReadError> {
        let raw = self.read_until(b"\r\n\r\n").await?;
        Ok(Head::parse(&raw)?)
    }

    /// Exactly `count` bytes.
    ///
    /// # Errors
    ///
    /// [`ReadError`].
    pub async fn read_exact(&mut self, count: usize) -> Result<Vec<u8>, ReadError> {
        while self.buffer.len() < count {
            self.fill().await?;
        }
        let rest = self.buffer.split_off(count);
        Ok(std::mem::replace(&mut self.buffer, rest))
    }

    /// Everything up to and including `end`.
    ///
    /// # Errors
    ///
    /// [`ReadError`].
    pub async fn read_until(&mut self, end: &[u8]) -> Result<Vec<u8>, ReadError> {
        let mut searched = 0;
        loop {
            let unsearched = self.buffer.get(searched..).unwrap_or_default();
            if let Some(at) = unsearched
                .windows(end.len())
                .position(|window| window == end)
            {
                return self.read_exact(searched + at + end.len()).await;
            }
            searched = self.buffer.len().saturating_sub(end.len() - 1);
            self.fill().await?;
        }
    }

    /// Everything until the other side ends the connection properly. Empty: it is closed and
    /// nothing was left to read.
    ///
    /// # Errors
    ///
    /// If the connection ends otherwise, for example by a reset.
    pub async fn read_to_end(&mut self) -> io::Result<Vec<u8>> {
        self.stream.read_to_end(&mut self.buffer).await?;
        Ok(std::mem::take(&mut self.buffer))
    }

    async fn read_body(&mut self, head: Head, framing: Framing) -> Result<Message, ReadError> {
        let mut message = Message {
            head,
            body: Vec::new(),
            raw_body: Vec::new(),
            trailers: Vec::new(),
            framing,
        };
        match framing {
            Framing::None => {}
            Framing::Length(length) => {
                let length = usize::try_from(length)
                    .map_err(|_| Malformed::new("content-length too large", &message.head.raw))?;
                message.body = self.read_exact(length).await?;
                message.raw_body.clone_from(&message.body);
            }
            Framing::UntilClose => {
                message.body = self.read_to_end().await?;
                message.raw_body.clone_from(&message.body);
            }
            Framing::Chunked => self.read_chunks(&mut message).await?,
        }
        Ok(message)
    }

    async fn read_chunks(&mut self, message: &mut Message) -> Result<(), ReadError> {
        loop {
            let line = self.read_line(message).await?;
            let size = chunk_size(&line)?;
            if size == 0 {
                break;
            }
            let chunk = self.read_exact(size).await?;
            message.raw_body.extend_from_slice(&chunk);
            message.body.extend_from_slice(&chunk);
            let end = self.read_exact(2).await?;
            if end != b"\r\n" {
                return Err(
                    Malformed::new("chunk that does not end where its size says", &end).into(),
                );
            }
            message.raw_body.extend_from_slice(&end);
        }
        loop {
            let line = self.read_line(message).await?;
            if line.is_empty() {
                return Ok(());
            }
            message.trailers.push(field(&line)?);
        }
    }

    /// A line of the chunked coding without its line end.
    async fn read_line(&mut self, message: &mut Message) -> Result<Vec<u8>, ReadError> {
        let mut line = self.read_until(b"\n").await?;
        message.raw_body.extend_from_slice(&line);
        if !line.ends_with(b"\r\n") {
            return Err(Malformed::new("bare line feed", &line).into());
        }
        line.truncate(line.len() - 2);
        if line.contains(&b'\r') {
            return Err(Malformed::new("bare carriage return", &line).into());
        }
        Ok(line)
    }

    async fn fill(&mut self) -> Result<(), ReadError> {
        if self.stream.read_buf(&mut self.buffer).await? == 0 {
            return Err(ReadError::Closed {
                read: std::mem::take(&mut self.buffer),
            });
        }
        Ok(())
    }
}

/// Only digits: a proxy has no reason to send chunk extensions, and blanks are not allowed.
fn chunk_size(line: &[u8]) -> Result<usize, Malformed> {
    let malformed = || Malformed::new("bad chunk size", line);
    if line.is_empty() || !line.iter().all(u8::is_ascii_hexdigit) {
        return Err(malformed());
    }
    let text = std::str::from_utf8(line).map_err(|_| malformed())?;
    usize::from_str_radix(text, 16).map_err(|_| malformed())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the other end sent before it closed.
    async fn received(bytes: &[u8]) -> Wire<tokio::io::DuplexStream> {
        let (near, far) = tokio::io::duplex(bytes.len().max(1));
        let mut far = Wire::new(far);
        far.send(bytes).await.unwrap();
        Wire::new(near)
    }

    #[tokio::test]
    async fn pipelined_responses_are_read_one_by_one() {
        let mut wire = received(
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 204 No Content\r\n\r\n",
        )
        .await;
        assert_eq!(
            wire.read_response("POST").await.unwrap().head.status(),
            Some(100)
        );
        assert_eq!(wire.read_response("POST").await.unwrap().body, b"ok");
        assert_eq!(
            wire.read_response("GET").await.unwrap().framing,
            Framing::None
        );
        assert_eq!(wire.read_to_end().await.unwrap(), b"");
    }

    #[tokio::test]
    async fn chunks_and_trailers_are_put_together_and_kept_raw() {
        let body = b"3\r\nabc\r\nA\r\n0123456789\r\n0\r\nX-Sum: 7\r\n\r\n";
        let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let mut wire = received(&[&head[..], &body[..]].concat()).await;
        let message = wire.read_response("GET").await.unwrap();
        assert_eq!(message.body, b"abc0123456789");
        assert_eq!(message.raw_body, body);
        assert_eq!(message.trailers, [("X-Sum".to_owned(), "7".to_owned())]);
    }

    #[tokio::test]
    async fn bad_chunks_are_refused() {
        for (body, what) in [
            ("3 \r\nabc\r\n", "bad chunk size"),
            ("3;a=b\r\nabc\r\n", "bad chunk size"),
            ("0x3\r\nabc\r\n", "bad chunk size"),
            ("\r\nabc\r\n", "bad chunk size"),
            ("3\nabc\r\n", "bare line feed"),
            (
                "2\r\nabc\r\n",
                "chunk that does not end where its size says",
            ),
            ("fffffffffffffffff\r\n", "bad chunk size"),
            ("0\r\nno colon\r\n\r\n", "field line without a colon"),
        ] {
            let mut wire = received(
                format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{body}").as_bytes(),
            )
            .await;
            match wire.read_response("GET").await {
                Err(ReadError::Malformed(malformed)) => {
                    assert_eq!(malformed.what, what, "{body:?}")
                }
                other => panic!("{body:?}: {other:?}"),
            }
        }
    }

    #[tokio::test]
    async fn a_message_cut_off_shows_what_had_arrived() {
        let mut wire = received(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc").await;
        match wire.read_response("GET").await {
            Err(ReadError::Closed { read }) => assert_eq!(read, b"abc"),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn a_body_without_length_lasts_until_the_end() {
        let mut wire = received(b"HTTP/1.0 200 OK\r\n\r\nall of it").await;
        let message = wire.read_response("GET").await.unwrap();
        assert_eq!(
            (message.framing, message.body.as_slice()),
            (Framing::UntilClose, &b"all of it"[..])
        );
    }
}
