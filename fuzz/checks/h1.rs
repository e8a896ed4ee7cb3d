//! What must hold for any bytes on an HTTP/1.1 connection. Used by the fuzz target and, with seeded random bytes on a
//! stable toolchain, by the crate's tests.

use bytes::BytesMut;
use http::HeaderMap;
use pointsman_http1::{BodyDecoder, Decoded, HeadLimits, parse_request, parse_response};
use pointsman_message::Frame;
use pointsman_wire::framing::{Answered, Framing};

/// The first byte chooses between requests and responses, and where the rest is cut in two. What is accepted whole is
/// accepted in pieces, and means the same. Says whether it was accepted.
pub(crate) fn h1_head(data: &[u8]) -> bool {
    let Some((kind, input)) = data.split_first() else {
        return false;
    };
    let is_request = kind % 2 == 0;
    let cut = usize::from(kind / 2).min(input.len());
    let (first, second) = input.split_at(cut);
    let whole = read(&[input], is_request);
    if whole.is_some() {
        assert_eq!(read(&[first, second], is_request), whole);
    }
    whole.is_some()
}

/// Head, fields and body of a message that comes in these pieces; `None` if it is refused or not complete.
fn read(pieces: &[&[u8]], is_request: bool) -> Option<(String, Vec<u8>)> {
    let limits = HeadLimits { max_bytes: 4096 };
    let mut buffer = BytesMut::new();
    let mut headers = HeaderMap::new();
    let mut scan = Default::default();
    let mut body: Option<(String, BodyDecoder)> = None;
    let mut bytes = Vec::new();
    for piece in pieces {
        buffer.extend_from_slice(piece);
        if body.is_none() {
            let head: Option<(String, Framing)> = if is_request {
                parse_request(&mut buffer, &mut scan, &mut headers, limits)
                    .ok()?
                    .map(|head| (format!("{:?} {:?}", head.method, head.target), head.framing))
            } else {
                let answered = Answered::Other;
                parse_response(&mut buffer, &mut scan, &mut headers, answered, limits)
                    .ok()?
                    .map(|head| (format!("{:?}", head.status), head.framing))
            };
            let Some((text, framing)) = head else {
                continue;
            };
            body = Some((format!("{text} {headers:?}"), BodyDecoder::new(framing)));
        }
        let (_, decoder) = body.as_mut()?;
        loop {
            match decoder.decode(&mut buffer).ok()? {
                Decoded::Frame(Frame::Data(data)) => {
                    assert!(!data.is_empty());
                    bytes.extend_from_slice(&data);
                }
                Decoded::Frame(_) => {}
                Decoded::NeedMore | Decoded::End => break,
            }
        }
    }
    body.map(|(text, _)| (text, bytes))
}
