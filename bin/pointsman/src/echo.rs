//! The demo's backends: little HTTP/1 servers that answer with what they were asked.

use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::thread::JoinHandle;

use pointsman_wire::chunked::{Decoder, Step};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, LocalOptions};

/// Longest head that is read; longer ones close the connection.
const MAX_HEAD: usize = 128 * 1024;

/// Binds `address` and answers there under `name` until the process ends.
///
/// # Errors
/// The address cannot be bound, or the system gives no thread.
pub(crate) fn start(name: &'static str, address: SocketAddr) -> io::Result<JoinHandle<()>> {
    let listener = StdListener::bind(address)?;
    listener.set_nonblocking(true)?;
    let serve = move || {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build_local(LocalOptions::default());
        let served = runtime.and_then(|runtime| runtime.block_on(accept(name, listener)));
        if let Err(error) = served {
            tracing::error!(%error, backend = name, "backend failed");
        }
    };
    std::thread::Builder::new()
        .name(format!("backend-{name}"))
        .spawn(serve)
}

async fn accept(name: &'static str, listener: StdListener) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let address = listener.local_addr()?;
    let who = format!("{name} ({address})");
    let mut connections = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (stream, _) = accepted?;
                connections.spawn_local(converse(who.clone(), stream));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Answers the requests of one connection. It ends with the first thing that goes wrong; the proxy notices.
async fn converse(who: String, mut stream: TcpStream) {
    let mut buffer = Vec::new();
    while let Ok(Some(request)) = read_request(&mut stream, &mut buffer).await {
        let answer = answer(&who, &request);
        if stream.write_all(&answer).await.is_err() || request.closes {
            return;
        }
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Request {
    method: String,
    target: String,
    /// Lines as they came.
    headers: Vec<String>,
    body_bytes: u64,
    closes: bool,
}

enum Framing {
    Length(u64),
    Chunked,
}

/// The next request, its body read and counted; `None` at the end of the connection.
async fn read_request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<Option<Request>> {
    let end = loop {
        if let Some(at) = buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break at + 4;
        }
        if buffer.len() > MAX_HEAD || stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    };
    let head: Vec<u8> = buffer.drain(..end).collect();
    let (mut request, framing, expects) = parse_head(&String::from_utf8_lossy(&head));
    if expects {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
    }
    match framing {
        Framing::Length(length) => {
            let mut left = length;
            loop {
                let here =
                    usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
                buffer.drain(..here);
                left -= here as u64;
                if left == 0 {
                    break;
                }
                if stream.read_buf(buffer).await? == 0 {
                    return Ok(None);
                }
            }
            request.body_bytes = length;
        }
        Framing::Chunked => {
            let mut decoder = Decoder::new();
            while !decoder.is_done() {
                let step = decoder.decode(buffer).map_err(io::Error::other)?;
                let (Step::Data { consumed, .. }
                | Step::NeedMore { consumed }
                | Step::Done { consumed }) = step;
                buffer.drain(..consumed);
                if matches!(step, Step::NeedMore { .. }) && stream.read_buf(buffer).await? == 0 {
                    return Ok(None);
                }
            }
            request.body_bytes = decoder.received();
        }
    }
    Ok(Some(request))
}

/// The head, how the body is framed, and whether its sender waits for leave to send it.
fn parse_head(head: &str) -> (Request, Framing, bool) {
    let mut lines = head.split("\r\n").filter(|line| !line.is_empty());
    let mut first = lines.next().unwrap_or_default().split(' ');
    let mut request = Request {
        method: first.next().unwrap_or_default().to_owned(),
        target: first.next().unwrap_or_default().to_owned(),
        ..Request::default()
    };
    let mut framing = Framing::Length(0);
    let mut expects = false;
    for line in lines {
        if let Some((name, value)) = line.split_once(':') {
            let value = value.trim();
            match name.to_ascii_lowercase().as_str() {
                "content-length" => framing = Framing::Length(value.parse().unwrap_or_default()),
                "transfer-encoding" => framing = Framing::Chunked,
                "connection" => request.closes |= value.eq_ignore_ascii_case("close"),
                "expect" => expects = true,
                _ => {}
            }
        }
        request.headers.push(line.to_owned());
    }
    (request, framing, expects)
}

fn answer(who: &str, request: &Request) -> Vec<u8> {
    let mut body = format!("backend {who}\n{} {}\n", request.method, request.target);
    for line in &request.headers {
        body.push_str(line);
        body.push('\n');
    }
    if request.body_bytes > 0 {
        body.push_str(&format!("\n{} bytes of body\n", request.body_bytes));
    }
    let connection = if request.closes {
        "Connection: close\r\n"
    } else {
        ""
    };
    let mut answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n{connection}\r\n",
        body.len()
    )
    .into_bytes();
    if request.method != "HEAD" {
        answer.extend_from_slice(body.as_bytes());
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_shows_backend_method_target_and_headers() {
        let (request, framing, expects) =
            parse_head("GET /cart?x=1 HTTP/1.1\r\nHost: shop.localhost\r\nA: b\r\n\r\n");
        assert!(matches!(framing, Framing::Length(0)) && !expects);
        let text = String::from_utf8(answer("one (127.0.0.1:9001)", &request)).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(
            head.contains(&format!("Content-Length: {}", body.len())),
            "{head}"
        );
        assert_eq!(
            body,
            "backend one (127.0.0.1:9001)\nGET /cart?x=1\nHost: shop.localhost\nA: b\n"
        );
    }

    #[test]
    fn an_answer_to_head_has_no_body() {
        let (request, ..) = parse_head("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
        assert!(answer("one", &request).ends_with(b"\r\n\r\n"));
    }

    #[test]
    fn the_framing_is_that_of_the_head() {
        let (_, framing, expects) =
            parse_head("PUT / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 12\r\n\r\n");
        assert!(matches!(framing, Framing::Length(12)) && expects);
        let (request, framing, _) =
            parse_head("PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n");
        assert!(matches!(framing, Framing::Chunked) && request.closes);
    }
}
