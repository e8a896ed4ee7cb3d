//! Read buffers, heads and header maps of one worker thread, kept for the next message.
//!
//! An idle connection holds no buffer; it takes one when bytes arrive and gives it back when it has nothing to read.

use std::cell::RefCell;

use bytes::BytesMut;
use http::HeaderMap;
use pointsman_message::RequestHead;

/// Size of a read buffer in bytes.
pub const READ_BUFFER: usize = 16 * 1024;
/// Most buffers, and most header maps, that a worker keeps.
const KEPT: usize = 256;
/// Header maps that grew beyond this many fields are not kept.
const KEPT_FIELDS: usize = 64;
/// Heads whose target is longer than this many bytes are not kept.
const KEPT_TARGET: usize = 1024;

thread_local! {
    static BUFFERS: RefCell<Vec<BytesMut>> = const { RefCell::new(Vec::new()) };
    static REQUESTS: RefCell<Vec<RequestHead>> = const { RefCell::new(Vec::new()) };
    static HEADERS: RefCell<Vec<HeaderMap>> = const { RefCell::new(Vec::new()) };
}

/// An empty buffer of at least [`READ_BUFFER`] bytes.
pub fn take() -> BytesMut {
    BUFFERS
        .with_borrow_mut(Vec::pop)
        .unwrap_or_else(|| BytesMut::with_capacity(READ_BUFFER))
}

/// Makes sure that at least `at_least` bytes can be read into `buffer`, and gets back what earlier messages held of its
/// memory: a read into the rest of a buffer would cut the next message in two.
pub fn make_room(buffer: &mut BytesMut, at_least: usize) {
    if buffer.capacity() == 0 {
        *buffer = take();
        return;
    }
    let free = buffer.capacity() - buffer.len();
    let wanted = READ_BUFFER.saturating_sub(buffer.len()).max(at_least);
    if free < wanted.min(READ_BUFFER - READ_BUFFER / 8).max(at_least)
        && !buffer.try_reclaim(wanted)
        && free < at_least
    {
        buffer.reserve(at_least.max(READ_BUFFER));
    }
}

/// Gives an empty buffer back. It is kept only if nothing refers to its memory any more.
pub fn give(mut buffer: BytesMut) {
    if !buffer.is_empty() || !(buffer.capacity() >= READ_BUFFER || buffer.try_reclaim(READ_BUFFER))
    {
        return;
    }
    BUFFERS.with_borrow_mut(|kept| {
        if kept.len() < KEPT && buffer.capacity() <= 4 * READ_BUFFER {
            kept.push(buffer);
        }
    });
}

/// A head for requests to be read into.
pub fn take_request() -> RequestHead {
    REQUESTS.with_borrow_mut(Vec::pop).unwrap_or_default()
}

/// Gives a request's head back.
pub fn give_request(mut request: RequestHead) {
    if request.headers.capacity() > KEPT_FIELDS || request.target().len() > KEPT_TARGET {
        return;
    }
    // Fields lie in read buffers, which are to be free.
    request.headers.clear();
    REQUESTS.with_borrow_mut(|kept| {
        if kept.len() < KEPT {
            kept.push(request);
        }
    });
}

/// An empty header map.
pub fn take_headers() -> HeaderMap {
    HEADERS
        .with_borrow_mut(Vec::pop)
        .unwrap_or_else(|| HeaderMap::with_capacity(16))
}

/// Gives a header map back.
pub fn give_headers(mut headers: HeaderMap) {
    if headers.capacity() > KEPT_FIELDS {
        return;
    }
    headers.clear();
    HEADERS.with_borrow_mut(|kept| {
        if kept.len() < KEPT {
            kept.push(headers);
        }
    });
}
