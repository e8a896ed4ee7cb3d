use std::future::poll_fn;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// Both ends of a connection.
async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap());
    let (near, far) = tokio::join!(near, listener.accept());
    (near.unwrap(), far.unwrap().0)
}

fn pattern(len: usize) -> Vec<u8> {
    (0..len)
        .map(|at| (at / 251 % 256) as u8 ^ (at % 253) as u8)
        .collect()
}

async fn pump(
    splice: &mut Splice,
    from: &TcpStream,
    to: &TcpStream,
) -> Result<SpliceEnd, SpliceError> {
    poll_fn(|cx| splice.poll_pump(cx, from, to)).await
}

#[tokio::test]
async fn a_limited_transfer_moves_exactly_its_bytes_and_leaves_the_rest() {
    for limit in [0, 1, 4096, 65_536, 65_537, 3_000_000] {
        let (mut sender, from) = pair().await;
        let (to, mut receiver) = pair().await;
        let sent = pattern(limit + 5);
        let expected = sent.clone();
        let sending = tokio::spawn(async move {
            sender.write_all(&sent).await.unwrap();
            sender
        });
        let receiving = tokio::spawn(async move {
            let mut got = vec![0; limit];
            receiver.read_exact(&mut got).await.unwrap();
            (receiver, got)
        });
        let mut splice = Splice::exactly(limit as u64);
        assert_eq!(
            pump(&mut splice, &from, &to).await.unwrap(),
            SpliceEnd::Limit
        );
        assert_eq!(splice.moved(), limit as u64);
        let (mut receiver, got) = receiving.await.unwrap();
        assert!(got == expected[..limit], "limit {limit}");
        let _sender = sending.await.unwrap();
        let mut from = from;
        let mut left = [0; 5];
        from.read_exact(&mut left).await.unwrap();
        assert_eq!(left, expected[limit..]);
        drop(to);
        assert_eq!(
            receiver.read(&mut left).await.unwrap(),
            0,
            "nothing beyond the limit"
        );
    }
}

#[tokio::test]
async fn the_end_of_the_source_is_told_after_all_of_it_is_delivered() {
    for limit in [None, Some(1_000_001)] {
        let (mut sender, from) = pair().await;
        let (to, mut receiver) = pair().await;
        let sent = pattern(1_000_000);
        let expected = sent.clone();
        let sending = async move {
            sender.write_all(&sent).await.unwrap();
            drop(sender);
        };
        let mut splice = limit.map_or_else(Splice::to_end, Splice::exactly);
        let moving = async {
            let end = pump(&mut splice, &from, &to).await.unwrap();
            drop(to);
            end
        };
        let mut got = Vec::new();
        let ((), end, read) = tokio::join!(sending, moving, receiver.read_to_end(&mut got));
        read.unwrap();
        assert_eq!(end, SpliceEnd::Source);
        assert_eq!(splice.moved(), 1_000_000);
        assert!(got == expected);
    }
}

#[tokio::test]
async fn a_receiver_that_does_not_read_stops_the_sender() {
    let (sender, from) = pair().await;
    let (to, mut receiver) = pair().await;
    socket2::SockRef::from(&to)
        .set_send_buffer_size(16 * 1024)
        .unwrap();
    socket2::SockRef::from(&receiver)
        .set_recv_buffer_size(16 * 1024)
        .unwrap();
    let total = 64 * 1024 * 1024;
    let mut splice = Splice::exactly(total);
    let block = pattern(64 * 1024);
    let mut sent = 0_u64;
    // Send until everything is full: the sender would block and the pump makes no progress.
    let mut quiet = 0;
    while quiet < 100 {
        let moved = splice.moved();
        let mut progress = false;
        if let Ok(count) = sender.try_write(&block) {
            sent += count as u64;
            progress = true;
        }
        poll_fn(|cx| {
            assert!(splice.poll_pump(cx, &from, &to).is_pending());
            Poll::Ready(())
        })
        .await;
        tokio::task::yield_now().await;
        quiet = if progress || splice.moved() > moved {
            0
        } else {
            quiet + 1
        };
    }
    assert!(sent < total, "{sent} bytes taken though nobody reads");
    let on_its_way = splice.in_pipe;
    assert!(on_its_way > 0 && on_its_way <= PIPE_BYTES);
    // The receiver wakes up, and all that was sent comes through.
    drop(sender);
    let moving = async {
        let end = pump(&mut splice, &from, &to).await.unwrap();
        drop(to);
        end
    };
    let mut got = Vec::new();
    let (end, read) = tokio::join!(moving, receiver.read_to_end(&mut got));
    read.unwrap();
    assert_eq!(end, SpliceEnd::Source);
    assert_eq!(got.len() as u64, sent);
}

#[tokio::test]
async fn a_lost_receiver_and_a_lost_sender_are_told_apart() {
    let (mut sender, from) = pair().await;
    let (to, receiver) = pair().await;
    receiver.set_zero_linger().unwrap();
    drop(receiver);
    sender.write_all(b"into the void").await.unwrap();
    let error = pump(&mut Splice::to_end(), &from, &to).await.unwrap_err();
    assert!(matches!(error, SpliceError::Target(_)), "{error:?}");

    let (sender, from) = pair().await;
    let (to, _receiver) = pair().await;
    sender.set_zero_linger().unwrap();
    drop(sender);
    let error = pump(&mut Splice::to_end(), &from, &to).await.unwrap_err();
    assert!(matches!(error, SpliceError::Source(_)), "{error:?}");
}

#[tokio::test]
async fn pipes_are_reused_only_when_empty_and_only_some_are_kept() {
    POOL.with_borrow_mut(Vec::clear);
    let (mut sender, from) = pair().await;
    let (to, mut receiver) = pair().await;
    let mut received = [0; 5];
    for _ in 0..3 {
        sender.write_all(b"hello").await.unwrap();
        pump(&mut Splice::exactly(5), &from, &to).await.unwrap();
        receiver.read_exact(&mut received).await.unwrap();
        assert_eq!(POOL.with_borrow(Vec::len), 1);
    }
    // Bytes of a transfer that was given up must not reach another.
    let mut given_up = Splice::exactly(5);
    sender.write_all(b"hello").await.unwrap();
    poll_fn(|cx| given_up.poll_fill(cx, &from)).await.unwrap();
    assert_eq!(given_up.in_pipe, 5);
    drop(given_up);
    assert_eq!(POOL.with_borrow(Vec::len), 0);
    let many: Vec<Pipe> = (0..POOLED_PIPES + 3)
        .map(|_| Pipe::take().unwrap())
        .collect();
    many.into_iter().for_each(Pipe::give_back);
    assert_eq!(POOL.with_borrow(Vec::len), POOLED_PIPES);
    POOL.with_borrow_mut(Vec::clear);
}

#[tokio::test]
async fn an_idle_transfer_holds_no_pipe() {
    POOL.with_borrow_mut(Vec::clear);
    let (mut sender, from) = pair().await;
    let (to, _receiver) = pair().await;
    let mut splice = Splice::to_end();
    sender.write_all(b"x").await.unwrap();
    let mut moved = 0;
    while moved == 0 {
        poll_fn(|cx| {
            assert!(splice.poll_pump(cx, &from, &to).is_pending());
            Poll::Ready(())
        })
        .await;
        tokio::task::yield_now().await;
        moved = splice.moved();
    }
    assert!(splice.pipe.is_none());
    assert_eq!(POOL.with_borrow(Vec::len), 1);
}
