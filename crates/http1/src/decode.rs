//! Bodies: from the read buffer to frames.

use bytes::BytesMut;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use pointsman_message::Frame;
use pointsman_wire::chunked::{self, ChunkedError, Step};
use pointsman_wire::framing::Framing;

/// Decodes one body.
#[derive(Debug)]
pub enum BodyDecoder {
    /// Nothing more comes.
    Done,
    /// So many bytes are still to come; never 0.
    Length(u64),
    /// Chunks.
    Chunked(Box<chunked::Decoder>),
    /// Everything up to the end of the connection.
    UntilClose,
}

/// What [`BodyDecoder::decode`] found.
#[derive(Debug)]
pub enum Decoded {
    /// A piece of the body.
    Frame(Frame),
    /// The buffer is used up and the body is not complete.
    NeedMore,
    /// The body is complete.
    End,
}

impl BodyDecoder {
    /// A decoder for a body of this framing.
    pub fn new(framing: Framing) -> Self {
        match framing {
            Framing::None | Framing::Tunnel | Framing::Length(0) => Self::Done,
            Framing::Length(length) => Self::Length(length),
            Framing::Chunked => Self::Chunked(Box::default()),
            Framing::UntilClose => Self::UntilClose,
        }
    }

    /// True when the body is complete.
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Done)
    }

    /// Bytes still to come, where they are known.
    pub fn remaining(&self) -> Option<u64> {
        match self {
            Self::Done => Some(0),
            Self::Length(left) => Some(*left),
            Self::Chunked(_) | Self::UntilClose => None,
        }
    }

    /// Takes the next piece from the start of `buf`.
    ///
    /// # Errors
    /// A malformed chunk: the body is worthless and the connection closes.
    pub fn decode(&mut self, buf: &mut BytesMut) -> Result<Decoded, ChunkedError> {
        match self {
            Self::Done => Ok(Decoded::End),
            Self::Length(left) => {
                if buf.is_empty() {
                    return Ok(Decoded::NeedMore);
                }
                let run = usize::try_from(*left).map_or(buf.len(), |left| left.min(buf.len()));
                *left -= run as u64;
                if *left == 0 {
                    *self = Self::Done;
                }
                Ok(Decoded::Frame(Frame::Data(buf.split_to(run).freeze())))
            }
            Self::UntilClose => {
                if buf.is_empty() {
                    return Ok(Decoded::NeedMore);
                }
                Ok(Decoded::Frame(Frame::Data(buf.split().freeze())))
            }
            Self::Chunked(decoder) => match decoder.decode(buf)? {
                Step::Data { consumed, data } => {
                    let mut taken = buf.split_to(consumed);
                    let _ = taken.split_to(data.start);
                    taken.truncate(data.end - data.start);
                    Ok(Decoded::Frame(Frame::Data(taken.freeze())))
                }
                Step::NeedMore { consumed } => {
                    let _ = buf.split_to(consumed);
                    Ok(Decoded::NeedMore)
                }
                Step::Done { consumed } => {
                    let _ = buf.split_to(consumed);
                    let trailers = trailer_map(decoder);
                    *self = Self::Done;
                    Ok(match trailers {
                        Some(trailers) => Decoded::Frame(Frame::Trailers(trailers)),
                        None => Decoded::End,
                    })
                }
            },
        }
    }
}

fn trailer_map(decoder: &chunked::Decoder) -> Option<HeaderMap> {
    let mut map: Option<HeaderMap> = None;
    for (name, value) in decoder.trailers() {
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name), HeaderValue::from_bytes(value))
        {
            // The decoder has bounded their number far below what the map holds.
            let _ = map.get_or_insert_default().try_append(name, value);
        }
    }
    map
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(framing: Framing, bytes: &[u8]) -> (Vec<u8>, Option<HeaderMap>, Vec<u8>) {
        let mut buf = BytesMut::from(bytes);
        let mut decoder = BodyDecoder::new(framing);
        let (mut body, mut trailers) = (Vec::new(), None);
        loop {
            match decoder.decode(&mut buf).unwrap() {
                Decoded::Frame(Frame::Data(data)) => body.extend_from_slice(&data),
                Decoded::Frame(Frame::Trailers(map)) => trailers = Some(map),
                Decoded::NeedMore | Decoded::End => return (body, trailers, buf.to_vec()),
            }
        }
    }

    #[test]
    fn a_body_of_known_length_leaves_the_next_message() {
        assert_eq!(
            all(Framing::Length(3), b"abcGET"),
            (b"abc".to_vec(), None, b"GET".to_vec())
        );
    }

    #[test]
    fn chunks_are_joined_and_trailers_kept() {
        let (body, trailers, rest) = all(
            Framing::Chunked,
            b"3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nGrpc-Status: 0\r\nHost: evil\r\n\r\nGET",
        );
        assert_eq!(body, b"abcde");
        let trailers = trailers.unwrap();
        assert_eq!(trailers.get("grpc-status").unwrap(), "0");
        assert!(!trailers.contains_key("host"));
        assert_eq!(rest, b"GET");
    }
}
