use std::io::{Read, Write};
use std::num::NonZeroUsize;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::*;
use crate::{ListenOptions, bind};

fn acceptors(sockets: usize) -> Vec<Acceptor> {
    let options = ListenOptions {
        sockets: NonZeroUsize::new(sockets).unwrap(),
        ..ListenOptions::default()
    };
    bind("127.0.0.1:0", &options)
        .unwrap()
        .into_iter()
        .map(|listener| listener.into_acceptor().unwrap())
        .collect()
}

fn error(errno: Errno) -> io::Error {
    errno.into()
}

#[test]
fn pauses_grow_to_a_limit_and_start_short_after_a_success() {
    let mut backoff = AcceptBackoff::default();
    let now = Instant::now();
    for (attempt, millis) in [5, 10, 20, 40, 80, 160, 200, 200].into_iter().enumerate() {
        assert_eq!(
            backoff.failed(&error(Errno::MFILE), now),
            Verdict::Wait {
                until: now + Duration::from_millis(millis),
                first: attempt == 0
            }
        );
        backoff.waited();
        assert_eq!(backoff.wait_until(), None);
    }
    backoff.accepted();
    assert_eq!(
        backoff.failed(&error(Errno::NFILE), now),
        Verdict::Wait {
            until: now + Duration::from_millis(5),
            first: true
        }
    );
}

#[test]
fn a_connection_that_failed_before_it_was_accepted_is_skipped_and_a_broken_listener_is_told() {
    let mut backoff = AcceptBackoff::default();
    let now = Instant::now();
    for errno in [
        Errno::CONNABORTED,
        Errno::PROTO,
        Errno::NETUNREACH,
        Errno::PERM,
    ] {
        assert_eq!(
            backoff.failed(&error(errno), now),
            Verdict::Again,
            "{errno}"
        );
    }
    for errno in [Errno::BADF, Errno::INVAL, Errno::NOTSOCK] {
        assert_eq!(
            backoff.failed(&error(errno), now),
            Verdict::Broken,
            "{errno}"
        );
    }
}

#[tokio::test]
async fn an_accepted_connection_can_be_given_to_another_worker() {
    let mut acceptor = acceptors(1).pop().unwrap();
    let mut client = TcpStream::connect(acceptor.local_addr()).unwrap();
    let accepted = acceptor.accept().await.unwrap();
    assert_eq!(accepted.peer, client.local_addr().unwrap());
    let worker = std::thread::spawn(move || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
            .block_on(async move {
                let mut stream = tokio::net::TcpStream::from_std(accepted.stream).unwrap();
                tokio::io::AsyncWriteExt::write_all(&mut stream, b"over here")
                    .await
                    .unwrap();
            });
    });
    let mut text = String::new();
    client.read_to_string(&mut text).unwrap();
    assert_eq!(text, "over here");
    worker.join().unwrap();
}

#[tokio::test]
async fn draining_a_group_resets_no_client_that_was_let_in() {
    let mut acceptors = acceptors(3);
    let address = acceptors[0].local_addr();
    // The kernel completes these; none is accepted yet, and the hash spreads them over the three queues.
    let clients: Vec<TcpStream> = (0..60)
        .map(|_| TcpStream::connect(address).unwrap())
        .collect();
    for acceptor in &acceptors {
        acceptor.close_gate().unwrap();
    }
    let mut accepted = Vec::new();
    for mut acceptor in acceptors.drain(..) {
        while let Some(connection) = acceptor
            .accept_rest(Duration::from_millis(20))
            .await
            .unwrap()
        {
            accepted.push(connection);
        }
    }
    assert_eq!(accepted.len(), clients.len());
    // All listeners are closed now.
    for connection in accepted {
        connection.stream.set_nonblocking(false).unwrap();
        (&connection.stream).write_all(b"served").unwrap();
    }
    for mut client in clients {
        let mut text = String::new();
        client.read_to_string(&mut text).unwrap();
        assert_eq!(text, "served");
    }
}

#[tokio::test]
async fn behind_a_closed_gate_old_connections_live_and_new_ones_wait() {
    let mut acceptor = acceptors(1).pop().unwrap();
    let mut client = TcpStream::connect(acceptor.local_addr()).unwrap();
    acceptor.close_gate().unwrap();
    let late = TcpStream::connect_timeout(&acceptor.local_addr(), Duration::from_millis(30));
    assert_eq!(late.unwrap_err().kind(), io::ErrorKind::TimedOut);
    let quiet = Duration::from_millis(20);
    let accepted = acceptor.accept_rest(quiet).await.unwrap().unwrap();
    accepted.stream.set_nonblocking(false).unwrap();
    client.write_all(b"ping").unwrap();
    let mut request = [0; 4];
    (&accepted.stream).read_exact(&mut request).unwrap();
    assert_eq!(&request, b"ping");
    assert!(acceptor.accept_rest(quiet).await.unwrap().is_none());
}

const CHILD: &str = "POINTSMAN_NET_TEST_CHILD";

/// Limits are per process, so this runs in a process of its own.
#[test]
fn out_of_descriptors_accepting_pauses_without_spinning_and_recovers() {
    if std::env::var_os(CHILD).is_some() {
        return exhausted_process();
    }
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "accept::tests::out_of_descriptors_accepting_pauses_without_spinning_and_recovers",
            "--nocapture",
        ])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn exhausted_process() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut acceptor = acceptors(1).pop().unwrap();
        let clients: Vec<TcpStream> = (0..3)
            .map(|_| TcpStream::connect(acceptor.local_addr()).unwrap())
            .collect();
        let before = getrlimit(Resource::Nofile);
        let none_left = Rlimit {
            current: Some(3),
            maximum: before.maximum,
        };
        setrlimit(Resource::Nofile, none_left).unwrap();
        // The clock is paused and moves only while the runtime has nothing to do: an accept loop that spins would
        // never let the minute end.
        let minute = Duration::from_secs(60);
        assert!(
            tokio::time::timeout(minute, acceptor.accept())
                .await
                .is_err()
        );
        assert!(acceptor.is_exhausted());
        setrlimit(Resource::Nofile, before).unwrap();
        for _ in &clients {
            acceptor.accept().await.unwrap();
        }
        assert!(!acceptor.is_exhausted());
    });
}
