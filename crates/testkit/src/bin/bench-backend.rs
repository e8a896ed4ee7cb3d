//! The backend of `bench/run`: a small, fast HTTP/1.1 server that does the same work for every
//! proxy under test.
//!
//! One thread, keep-alive, pipelined requests answered in order. The body is chosen by the path:
//! `/10k` 10 KiB, `/1m` 1 MiB, `/headers` the request head as it was received, anything else
//! 100 bytes. A request body is read and dropped if it has a `Content-Length`; a chunked one is
//! answered 501, for no load tool used here sends one.
//!
//! `bench-backend [ADDRESS]` listens on ADDRESS (default `127.0.0.1:0`) and prints
//! `listening <address>` once it does.

use std::io;
use std::rc::Rc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A longer request head than this is refused.
const MAX_HEAD_BYTES: usize = 64 * 1024;

fn main() -> io::Result<()> {
    let address = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    tokio::task::LocalSet::new().block_on(&runtime, serve(&address))
}

async fn serve(address: &str) -> io::Result<()> {
    let listener = TcpListener::bind(address).await?;
    println!("listening {}", listener.local_addr()?);
    let answers = Rc::new(Answers::new());
    loop {
        // A failed accept (out of descriptors) must end the run: figures taken with a backend
        // that drops connections would mean nothing.
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let answers = Rc::clone(&answers);
        tokio::task::spawn_local(async move {
            // A peer that went away is the normal end of a connection.
            drop(connection(stream, &answers).await);
        });
    }
}

/// Whole responses, head and body in one buffer, so that each costs one write.
struct Answers {
    small: Vec<u8>,
    medium: Vec<u8>,
    large: Vec<u8>,
}

impl Answers {
    fn new() -> Self {
        Self {
            small: answer(&body(100)),
            medium: answer(&body(10 * 1024)),
            large: answer(&body(1024 * 1024)),
        }
    }
}

fn body(len: usize) -> Vec<u8> {
    (b'a'..=b'z').cycle().take(len).collect()
}

fn answer(body: &[u8]) -> Vec<u8> {
    let mut bytes = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

async fn connection(mut stream: TcpStream, answers: &Answers) -> io::Result<()> {
    let mut input = Vec::with_capacity(4096);
    loop {
        let Some(head_len) = find(&input, b"\r\n\r\n").map(|at| at + 4) else {
            if input.len() > MAX_HEAD_BYTES {
                return stream
                    .write_all(b"HTTP/1.1 431 Head Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                    .await;
            }
            if stream.read_buf(&mut input).await? == 0 {
                return Ok(());
            }
            continue;
        };
        let (head, _) = input.split_at(head_len);
        let request = Request::read(head);
        if request.chunked {
            return stream
                .write_all(b"HTTP/1.1 501 Not Implemented\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                .await;
        }
        let echoed = request.echo.then(|| answer(head));
        let response = match (&echoed, request.size) {
            (Some(echoed), _) => echoed,
            (None, Size::Small) => &answers.small,
            (None, Size::Medium) => &answers.medium,
            (None, Size::Large) => &answers.large,
        };
        stream.write_all(response).await?;
        let mut rest = head_len + request.body_len;
        while rest > input.len() {
            rest -= input.len();
            input.clear();
            if stream.read_buf(&mut input).await? == 0 {
                return Ok(());
            }
        }
        input.drain(..rest);
        if request.close {
            return stream.shutdown().await;
        }
    }
}

enum Size {
    Small,
    Medium,
    Large,
}

struct Request {
    size: Size,
    echo: bool,
    body_len: usize,
    chunked: bool,
    close: bool,
}

impl Request {
    fn read(head: &[u8]) -> Self {
        let target = head.split(|&byte| byte == b' ').nth(1).unwrap_or_default();
        let path = target
            .split(|&byte| byte == b'?')
            .next()
            .unwrap_or_default();
        let mut request = Self {
            size: match path {
                b"/10k" => Size::Medium,
                b"/1m" => Size::Large,
                _ => Size::Small,
            },
            echo: path == b"/headers",
            body_len: 0,
            chunked: false,
            close: false,
        };
        for line in head.split(|&byte| byte == b'\n').skip(1) {
            if let Some(value) = value_of(line, b"content-length:") {
                request.body_len = value.parse().unwrap_or(0);
            } else if value_of(line, b"transfer-encoding:").is_some() {
                request.chunked = true;
            } else if let Some(value) = value_of(line, b"connection:") {
                request.close = value.eq_ignore_ascii_case("close");
            }
        }
        request
    }
}

/// The value of a header line if its name is `name` (lower case, with the colon).
fn value_of<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a str> {
    let (start, value) = line.split_at_checked(name.len())?;
    if !start.eq_ignore_ascii_case(name) {
        return None;
    }
    std::str::from_utf8(value).ok().map(str::trim)
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_chooses_the_body_and_the_query_does_not() {
        assert!(matches!(
            Request::read(b"GET /1m?x=/10k HTTP/1.1\r\n\r\n").size,
            Size::Large
        ));
        assert!(matches!(
            Request::read(b"GET /10k HTTP/1.1\r\n\r\n").size,
            Size::Medium
        ));
        assert!(matches!(
            Request::read(b"GET /10kk HTTP/1.1\r\n\r\n").size,
            Size::Small
        ));
        assert!(Request::read(b"GET /headers HTTP/1.1\r\n\r\n").echo);
    }

    #[test]
    fn framing_headers_are_read_in_any_case() {
        let request = Request::read(
            b"POST / HTTP/1.1\r\nHost: a\r\ncONTENT-length: 12\r\nConnection: Close\r\n\r\n",
        );
        assert_eq!(request.body_len, 12);
        assert!(request.close);
        assert!(!request.chunked);
    }

    #[test]
    fn answer_states_the_length_of_its_body() {
        let bytes = answer(&body(100));
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains("Content-Length: 100"));
        assert_eq!(body.len(), 100);
    }
}
