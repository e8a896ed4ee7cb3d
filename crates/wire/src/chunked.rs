//! The chunked transfer coding (RFC 9112 §7.1): an incremental decoder and small encoder helpers.
//!
//! The decoder is shaped for a read buffer: give it what is there, drop what it consumed, take the
//! data range. It keeps no body bytes. Lines end with CR LF and nothing else; chunk extensions are
//! dropped; sizes are 64 bit and checked. A peer that sends much framing for little data is refused
//! (CVE-2023-39326), with the budget of Go's `net/http`: 16 bytes per chunk and two per data byte are
//! free, beyond that [`MAX_OVERHEAD`].
//!
//! Trailer fields are collected, never merged into the head; names that frame, route or authenticate
//! a message are dropped ([`is_forbidden_trailer`]).

use std::ops::Range;

use crate::head::{field_line, is_field_value, is_token};
use crate::names;

/// Framing bytes that one body may hold beyond its free share.
pub const MAX_OVERHEAD: u64 = 16 * 1024;
/// Bytes of one chunk-size line with its extensions.
pub const MAX_LINE: u32 = 4096;
/// Trailer fields of one body.
pub const MAX_TRAILERS: usize = 100;
/// Default limit of a trailer section in bytes, line ends included.
pub const DEFAULT_TRAILER_BYTES: usize = 16 * 1024;

/// Why a chunked body is refused: 400 (request) or 502 (response), and the connection closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChunkedError {
    /// Not a hexadecimal size: empty, `0x`, signs, spaces …
    #[error("chunked body: malformed chunk size")]
    Size,
    /// The size or the sum of all sizes doesn't fit 64 bits.
    #[error("chunked body: chunk size is too large")]
    SizeOverflow,
    /// A control byte in a chunk extension, or a quoted string without end.
    #[error("chunked body: malformed chunk extension")]
    Extension,
    /// A line that doesn't end with CR LF, or data that CR LF doesn't follow.
    #[error("chunked body: line does not end with CR LF")]
    LineEnd,
    /// A chunk-size line above [`MAX_LINE`], or too much framing for the data ([`MAX_OVERHEAD`]).
    #[error("chunked body: too much framing for the data")]
    Overhead,
    /// A trailer line that isn't a well-formed field line.
    #[error("chunked body: malformed trailer field")]
    Trailer,
    /// More trailer bytes or fields than allowed.
    #[error("chunked body: trailer section is too large")]
    TrailersTooLarge,
}

/// What [`Decoder::decode`] found at the start of the buffer. `consumed` bytes are to be dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Body bytes: `data` is a range of the buffer that was passed, never empty and within `consumed`.
    Data {
        /// Bytes of the buffer that are used up, framing before the data included.
        consumed: usize,
        /// Where the body bytes are.
        data: Range<usize>,
    },
    /// Everything was used up and the body isn't complete; read more.
    NeedMore {
        /// Always the whole buffer.
        consumed: usize,
    },
    /// The body and its trailers are complete; bytes behind `consumed` belong to the next message.
    Done {
        /// Bytes of the buffer that are used up.
        consumed: usize,
    },
}

/// Decoder of one chunked body. Once it has answered [`Step::Done`] or an error it stays there.
#[derive(Debug, Clone)]
pub struct Decoder {
    state: State,
    /// Data bytes left in this chunk, or the size as read so far.
    left: u64,
    received: u64,
    overhead: u64,
    /// Bytes of the current size line.
    line: u32,
    max_trailer_bytes: usize,
    trailers: Option<Box<Trailers>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// First digit of a size.
    SizeStart,
    Size,
    /// White space between size and `;`.
    BeforeExtension,
    Extension,
    Quoted,
    QuotedPair,
    /// LF behind the CR of a size line.
    SizeLf,
    Data,
    DataCr,
    DataLf,
    /// First byte of a trailer line.
    TrailerStart,
    Trailer,
    /// LF behind the CR of a trailer line.
    TrailerLf,
    /// LF of the empty line that ends the body.
    EndLf,
    Done,
    Failed(ChunkedError),
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder {
    /// A decoder at the start of a body, with [`DEFAULT_TRAILER_BYTES`].
    #[must_use]
    pub fn new() -> Self {
        Self {
            state: State::SizeStart,
            left: 0,
            received: 0,
            overhead: 0,
            line: 0,
            max_trailer_bytes: DEFAULT_TRAILER_BYTES,
            trailers: None,
        }
    }

    /// The same with another limit for the trailer section, in bytes.
    #[must_use]
    pub fn with_max_trailer_bytes(mut self, bytes: usize) -> Self {
        self.max_trailer_bytes = bytes;
        self
    }

    /// Body bytes seen so far.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.received
    }

    /// True after [`Step::Done`].
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Bytes of the current chunk that are still to come; 0 between chunks. A reader may size its
    /// buffer by it.
    #[must_use]
    pub fn left_in_chunk(&self) -> u64 {
        if self.state == State::Data {
            self.left
        } else {
            0
        }
    }

    /// The trailer fields, complete once the body is done; forbidden names are already dropped.
    pub fn trailers(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.trailers.iter().flat_map(|t| t.fields())
    }

    /// Decodes from the start of `buf` up to the next run of data, the end of `buf` or of the body.
    ///
    /// # Errors
    /// [`ChunkedError`]; the same again for every later call.
    pub fn decode(&mut self, buf: &[u8]) -> Result<Step, ChunkedError> {
        let mut at = 0;
        while let Some(rest) = buf.get(at..).filter(|rest| !rest.is_empty()) {
            match self.state {
                State::Data => {
                    let run = usize::try_from(self.left).map_or(rest.len(), |n| n.min(rest.len()));
                    self.left -= run as u64;
                    self.received += run as u64;
                    if self.left == 0 {
                        self.state = State::DataCr;
                    }
                    return Ok(Step::Data {
                        consumed: at + run,
                        data: at..at + run,
                    });
                }
                State::Done => return Ok(Step::Done { consumed: at }),
                State::Failed(error) => return Err(error),
                State::Trailer => match self.trailer_bytes(rest) {
                    Ok(run) => at += run,
                    Err(error) => return Err(self.fail(error)),
                },
                _ => {
                    let Some(&byte) = rest.first() else { break };
                    at += 1;
                    if let Err(error) = self.framing_byte(byte) {
                        return Err(self.fail(error));
                    }
                }
            }
        }
        match self.state {
            State::Done => Ok(Step::Done { consumed: at }),
            State::Failed(error) => Err(error),
            _ => Ok(Step::NeedMore { consumed: at }),
        }
    }

    fn fail(&mut self, error: ChunkedError) -> ChunkedError {
        self.state = State::Failed(error);
        error
    }

    fn framing_byte(&mut self, byte: u8) -> Result<(), ChunkedError> {
        self.state = match self.state {
            State::SizeStart => {
                self.left = u64::from(hex(byte).ok_or(ChunkedError::Size)?);
                self.line = 1;
                State::Size
            }
            State::Size => {
                self.count_line_byte()?;
                match (byte, hex(byte)) {
                    (_, Some(digit)) => {
                        self.left = self
                            .left
                            .checked_mul(16)
                            .and_then(|n| n.checked_add(u64::from(digit)))
                            .ok_or(ChunkedError::SizeOverflow)?;
                        State::Size
                    }
                    (b'\r', _) => State::SizeLf,
                    (b';', _) => State::Extension,
                    (b' ' | b'\t', _) => State::BeforeExtension,
                    (b'\n', _) => return Err(ChunkedError::LineEnd),
                    _ => return Err(ChunkedError::Size),
                }
            }
            // RFC 9112 §7.1.1 allows white space before an extension, not before the line's end.
            State::BeforeExtension => {
                self.count_line_byte()?;
                match byte {
                    b' ' | b'\t' => State::BeforeExtension,
                    b';' => State::Extension,
                    _ => return Err(ChunkedError::Size),
                }
            }
            State::Extension => {
                self.count_line_byte()?;
                match byte {
                    b'\r' => State::SizeLf,
                    b'"' => State::Quoted,
                    b'\n' => return Err(ChunkedError::LineEnd),
                    _ => extension_byte(byte, State::Extension)?,
                }
            }
            State::Quoted => {
                self.count_line_byte()?;
                match byte {
                    b'"' => State::Extension,
                    b'\\' => State::QuotedPair,
                    _ => extension_byte(byte, State::Quoted)?,
                }
            }
            State::QuotedPair => {
                self.count_line_byte()?;
                extension_byte(byte, State::Quoted)?
            }
            State::SizeLf => {
                expect(byte, b'\n')?;
                self.chunk_begins()?
            }
            State::DataCr => {
                expect(byte, b'\r')?;
                State::DataLf
            }
            State::DataLf => {
                expect(byte, b'\n')?;
                State::SizeStart
            }
            State::TrailerStart if byte == b'\r' => State::EndLf,
            State::TrailerStart if byte == b'\n' => return Err(ChunkedError::LineEnd),
            State::TrailerStart => {
                self.trailers
                    .get_or_insert_default()
                    .push(&[byte], self.max_trailer_bytes)?;
                State::Trailer
            }
            State::TrailerLf => {
                expect(byte, b'\n')?;
                if let Some(trailers) = &mut self.trailers {
                    trailers.end_line(self.max_trailer_bytes)?;
                }
                State::TrailerStart
            }
            State::EndLf => {
                expect(byte, b'\n')?;
                State::Done
            }
            state @ (State::Data | State::Trailer | State::Done | State::Failed(_)) => state,
        };
        Ok(())
    }

    /// Takes bytes of a trailer line up to and including its CR; returns how many.
    fn trailer_bytes(&mut self, rest: &[u8]) -> Result<usize, ChunkedError> {
        let end = memchr::memchr2(b'\r', b'\n', rest);
        let line = end
            .map_or(Some(rest), |end| rest.get(..end))
            .unwrap_or(rest);
        self.trailers
            .get_or_insert_default()
            .push(line, self.max_trailer_bytes)?;
        let Some(end) = end else {
            return Ok(rest.len());
        };
        if rest.get(end) != Some(&b'\r') {
            return Err(ChunkedError::LineEnd);
        }
        self.state = State::TrailerLf;
        Ok(end + 1)
    }

    fn count_line_byte(&mut self) -> Result<(), ChunkedError> {
        self.line += 1;
        if self.line > MAX_LINE {
            return Err(ChunkedError::Overhead);
        }
        Ok(())
    }

    fn chunk_begins(&mut self) -> Result<State, ChunkedError> {
        self.received
            .checked_add(self.left)
            .ok_or(ChunkedError::SizeOverflow)?;
        // Size line with its CR LF plus CR LF behind the data, against the free share of this chunk.
        self.overhead = (self.overhead + u64::from(self.line) + 3)
            .saturating_sub(self.left.saturating_mul(2).saturating_add(16));
        if self.overhead > MAX_OVERHEAD {
            return Err(ChunkedError::Overhead);
        }
        Ok(if self.left == 0 {
            State::TrailerStart
        } else {
            State::Data
        })
    }
}

/// Field lines of a trailer section, in one buffer.
#[derive(Debug, Clone, Default)]
struct Trailers {
    bytes: Vec<u8>,
    /// Start of the line being read.
    start: usize,
    /// Name and value of each kept line.
    kept: Vec<(Range<usize>, Range<usize>)>,
    /// Bytes and lines received, dropped ones included.
    received: usize,
    lines: usize,
}

impl Trailers {
    fn push(&mut self, bytes: &[u8], max: usize) -> Result<(), ChunkedError> {
        self.received += bytes.len();
        if self.received > max {
            return Err(ChunkedError::TrailersTooLarge);
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn end_line(&mut self, max: usize) -> Result<(), ChunkedError> {
        self.received += 2;
        self.lines += 1;
        if self.received > max || self.lines > MAX_TRAILERS {
            return Err(ChunkedError::TrailersTooLarge);
        }
        let line = self.bytes.get(self.start..).unwrap_or_default();
        // Obs-fold begins with white space, which no name does.
        let (name, value) = field_line(line).map_err(|_| ChunkedError::Trailer)?;
        if is_forbidden_trailer(name) {
            self.bytes.truncate(self.start);
            return Ok(());
        }
        // Only white space lies behind the value, so it ends where the trimmed line ends.
        let end = self.start + line.trim_ascii_end().len();
        let name = self.start..self.start + name.len();
        self.kept.push((name, end.saturating_sub(value.len())..end));
        self.start = self.bytes.len();
        Ok(())
    }

    fn fields(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.kept.iter().filter_map(|(name, value)| {
            Some((
                self.bytes.get(name.clone())?,
                self.bytes.get(value.clone())?,
            ))
        })
    }
}

/// True for names that must not come as a trailer, in any case, `_` counting as `-`
/// (RFC 9110 §6.5.1): framing, routing, authentication, request modifiers, response control, content
/// format, hop-by-hop fields, and every header this proxy itself vouches for
/// ([`names::is_managed`]). They are dropped, never merged and never passed on.
#[must_use]
pub fn is_forbidden_trailer(name: &[u8]) -> bool {
    const FORBIDDEN: [&[u8]; 36] = [
        b"age",
        b"authorization",
        b"cache-control",
        b"content-encoding",
        b"content-length",
        b"content-range",
        b"content-type",
        b"cookie",
        b"date",
        b"expect",
        b"expires",
        b"forwarded",
        b"host",
        b"if-match",
        b"if-modified-since",
        b"if-none-match",
        b"if-range",
        b"if-unmodified-since",
        b"location",
        b"max-forwards",
        b"pragma",
        b"proxy-authenticate",
        b"proxy-authentication-info",
        b"proxy-authorization",
        b"range",
        b"retry-after",
        b"set-cookie",
        b"set-cookie2",
        b"strict-transport-security",
        b"te",
        b"vary",
        b"warning",
        b"www-authenticate",
        b"x-http-method-override",
        b"x-original-url",
        b"x-rewrite-url",
    ];
    names::is_hop_by_hop(name)
        || names::is_managed(name)
        || FORBIDDEN
            .iter()
            .any(|forbidden| names::fold_eq(name, forbidden))
}

/// The end of a chunk's data.
pub const CHUNK_END: &[u8; 2] = b"\r\n";
/// The last chunk and an empty trailer section.
pub const LAST_CHUNK: &[u8; 5] = b"0\r\n\r\n";

/// The size line of a chunk, see [`chunk_head`].
#[derive(Debug, Clone, Copy)]
pub struct ChunkHead {
    bytes: [u8; 18],
    start: u8,
}

impl ChunkHead {
    /// Hexadecimal digits and CR LF.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes
            .get(usize::from(self.start)..)
            .unwrap_or_default()
    }
}

/// The size line for `length` data bytes. `length` must not be 0: that would end the body.
#[must_use]
pub fn chunk_head(length: u64) -> ChunkHead {
    debug_assert!(length > 0, "a chunk of length 0 ends the body");
    let mut bytes = *b"................\r\n";
    let mut rest = length;
    let mut start = 16_u8;
    for slot in bytes.iter_mut().take(16).rev() {
        let nibble = (rest & 0xf) as u8;
        *slot = nibble + if nibble < 10 { b'0' } else { b'a' - 10 };
        start -= 1;
        rest >>= 4;
        if rest == 0 {
            break;
        }
    }
    ChunkHead { bytes, start }
}

/// Appends the last chunk and a trailer section to `out`. Fields that may not be trailers or aren't
/// well-formed are left out.
pub fn write_last_chunk<'a>(
    out: &mut Vec<u8>,
    trailers: impl IntoIterator<Item = (&'a [u8], &'a [u8])>,
) {
    out.extend_from_slice(b"0\r\n");
    for (name, value) in trailers {
        if is_token(name) && is_field_value(value) && !is_forbidden_trailer(name) {
            out.extend_from_slice(name);
            out.extend_from_slice(b": ");
            out.extend_from_slice(value);
            out.extend_from_slice(b"\r\n");
        }
    }
    out.extend_from_slice(b"\r\n");
}

fn hex(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

fn expect(byte: u8, wanted: u8) -> Result<(), ChunkedError> {
    if byte == wanted {
        Ok(())
    } else {
        Err(ChunkedError::LineEnd)
    }
}

fn extension_byte(byte: u8, next: State) -> Result<State, ChunkedError> {
    match byte {
        b'\t' | b' '..=0x7e | 0x80.. => Ok(next),
        _ => Err(ChunkedError::Extension),
    }
}

#[cfg(test)]
mod tests;
