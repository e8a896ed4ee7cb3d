//! What a request costs in allocations, over the whole path, once everything is warm.
#![expect(
    clippy::unwrap_used,
    reason = "a failed unwrap is a failed test, in helpers too"
)]

mod support;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};

use support::Proxy;
use tokio::runtime::{Builder, LocalOptions};

const GET: &[u8] = b"GET /a/b?c=d HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: test\r\nAccept: */*\r\nCookie: a=b\r\n\r\n";
const ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nServer: test\r\nContent-Length: 2\r\n\r\nok";
/// Requests that are counted together.
const ROUND: u64 = 200;
/// Allocations of one request. Lower it when it falls; raise it only for a reason.
const MOST: u64 = 2;

/// Reads up to the end of a head.
fn read_head(stream: &mut TcpStream, end: &[u8]) -> bool {
    let mut buffer = [0; 4096];
    let mut read = 0;
    loop {
        match stream.read(&mut buffer[read..]) {
            Ok(0) | Err(_) => return false,
            Ok(count) => read += count,
        }
        if buffer[..read].ends_with(end) {
            return true;
        }
    }
}

/// A server on a thread of its own: only the worker's thread is counted.
fn server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            std::thread::spawn(move || {
                while read_head(&mut stream, b"\r\n\r\n") && stream.write_all(ANSWER).is_ok() {}
            });
        }
    });
    address
}

#[test]
fn a_kept_alive_request_allocates_no_more_than_this() {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build_local(LocalOptions::default())
        .unwrap();
    let proxy = runtime.block_on(async { Proxy::before(&[server()]) });
    let mut client = TcpStream::connect(proxy.address("web")).unwrap();
    let (go, gone) = std::sync::mpsc::channel::<()>();
    let (done, mut was_done) = tokio::sync::mpsc::unbounded_channel();
    let thread = std::thread::spawn(move || {
        while gone.recv().is_ok() {
            for _ in 0..ROUND {
                client.write_all(GET).unwrap();
                assert!(read_head(&mut client, b"\r\n\r\nok"));
            }
            done.send(()).unwrap();
        }
    });
    let mut least = u64::MAX;
    for _ in 0..4 {
        let counted = allocation_counter::measure(|| {
            go.send(()).unwrap();
            runtime.block_on(was_done.recv()).unwrap();
        });
        least = least.min(counted.count_total);
    }
    drop(go);
    thread.join().unwrap();
    let each = least.div_ceil(ROUND);
    println!("{least} allocations for {ROUND} requests");
    assert!(
        each <= MOST,
        "{each} allocations a request, {MOST} are allowed"
    );
}
