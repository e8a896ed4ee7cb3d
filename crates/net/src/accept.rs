//! Accepting: what to do when it fails, and how to stop without resetting anybody.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::SocketFlags;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::time::Instant;

use crate::listener::canonical;

/// Shortest and longest pause after an accept that found no descriptor.
const PAUSES: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(200));

/// A connection that was just accepted. Non-blocking, close-on-exec, registered with no runtime yet: the worker that
/// gets it calls [`tokio::net::TcpStream::from_std`], so placing it on another worker costs no more than on this one.
#[derive(Debug)]
pub struct Accepted {
    /// The connection.
    pub stream: TcpStream,
    /// The client's end; IPv4 clients of a dual-stack listener have IPv4 addresses.
    pub peer: SocketAddr,
}

/// A listening socket on the worker that it belongs to.
#[derive(Debug)]
pub struct Acceptor {
    socket: AsyncFd<TcpListener>,
    address: SocketAddr,
    backoff: AcceptBackoff,
}

impl Acceptor {
    pub(crate) fn new(socket: TcpListener, address: SocketAddr) -> io::Result<Self> {
        // SAFETY: a `TcpListener` owns its descriptor and always names the same one. Nobody can close or replace it
        // while it is registered: only shared references to it leave the `AsyncFd`, which is private here.
        let socket = unsafe { AsyncFd::register_with_interest(socket, Interest::READABLE) }?;
        Ok(Self {
            socket,
            address,
            backoff: AcceptBackoff::default(),
        })
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Is it pausing because descriptors or memory ran out?
    pub fn is_exhausted(&self) -> bool {
        self.backoff.wait_until().is_some()
    }

    /// The next connection. Connections that failed before they were accepted are skipped. While no descriptor is
    /// free it pauses (5 ms to 200 ms) and tries again: waiting clients stay in the kernel's queue, the CPU is left
    /// to those who may give descriptors back, and a pause after a success starts short again.
    ///
    /// # Errors
    ///
    /// Only when the listener itself is broken; there is no use in calling again.
    ///
    /// # Cancel safety
    ///
    /// No connection is lost when the future is dropped, and a pause goes on where it was.
    pub async fn accept(&mut self) -> io::Result<Accepted> {
        loop {
            if let Some(until) = self.backoff.wait_until() {
                tokio::time::sleep_until(until).await;
                self.backoff.waited();
            }
            let result = self.socket.async_io(Interest::READABLE, accept_one).await;
            match result {
                Ok(accepted) => {
                    self.backoff.accepted();
                    return Ok(accepted);
                }
                Err(error) => match self.backoff.failed(&error, Instant::now()) {
                    Verdict::Again => {}
                    Verdict::Wait { first, .. } => {
                        if first {
                            tracing::error!(
                                address = %self.address,
                                %error,
                                "accepting pauses until descriptors or memory are free: raise the limit of open files"
                            );
                        }
                    }
                    Verdict::Broken => return Err(error),
                },
            }
        }
    }

    /// Refuses handshakes that have not begun, by dropping their first packet unanswered; those under way complete
    /// and are accepted as ever. This is the first step of closing a listener without resetting anybody:
    ///
    /// 1. `close_gate` on every listener of the group;
    /// 2. [`Acceptor::accept_rest`] on each until it returns `None`;
    /// 3. drop them, in any order.
    ///
    /// Without it, closing resets what stands in the socket's own queue (a group shares the port, not the queue, and
    /// `net.ipv4.tcp_migrate_req` is off by default), and emptying the queue first leaves the moment between the
    /// last accept and the close. A client whose first packet was dropped sends it again after a second and then
    /// meets whoever listens by then, or a refusal, which it may retry anywhere.
    ///
    /// # Errors
    ///
    /// If the kernel refuses the filter (memory); the listener then works on as before.
    pub fn close_gate(&self) -> io::Result<()> {
        socket2::SockRef::from(self.socket.get_ref()).attach_filter(
            &DROP_SYN.map(|(code, jt, jf, k)| socket2::SockFilter::new(code, jt, jf, k)),
        )
    }

    /// Like [`Acceptor::accept`], but `None` when the queue is empty and nothing came for `quiet`. After
    /// [`Acceptor::close_gate`], `quiet` is the time that handshakes under way get: one round trip of the farthest
    /// clients, for example 300 ms.
    ///
    /// # Errors
    ///
    /// As [`Acceptor::accept`].
    ///
    /// # Cancel safety
    ///
    /// No connection is lost; the quiet time starts anew.
    pub async fn accept_rest(&mut self, quiet: Duration) -> io::Result<Option<Accepted>> {
        loop {
            tokio::select! {
                // A connection in the queue counts however late it is looked at.
                biased;
                accepted = self.accept() => return accepted.map(Some),
                () = tokio::time::sleep(quiet) => {}
            }
            // Silence for want of descriptors is not an empty queue.
            if !self.is_exhausted() {
                return Ok(None);
            }
        }
    }
}

fn accept_one(socket: &TcpListener) -> io::Result<Accepted> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let (descriptor, peer) = rustix::net::acceptfrom_with(socket, flags)?;
    let stream = TcpStream::from(descriptor);
    let peer = match peer.map(SocketAddr::try_from) {
        Some(Ok(peer)) => peer,
        _ => stream.peer_addr()?,
    };
    Ok(Accepted {
        stream,
        peer: canonical(peer),
    })
}

/// Classic BPF over the TCP header: drop segments with SYN and without ACK, keep all others.
/// `ldb [13]; and #0x12; jeq #0x02, drop; ret #-1; drop: ret #0`.
const DROP_SYN: [(u16, u8, u8, u32); 5] = [
    (0x30, 0, 0, 13),
    (0x54, 0, 0, 0x12),
    (0x15, 1, 0, 0x02),
    (0x06, 0, 0, u32::MAX),
    (0x06, 0, 0, 0),
];

/// What to do after a failed accept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// That connection alone failed: take the next.
    Again,
    /// Descriptors or memory ran out: accept nothing before `until`.
    Wait {
        /// When to try again.
        until: Instant,
        /// It worked before: the one time to log it.
        first: bool,
    },
    /// The listener is broken.
    Broken,
}

/// Decides about failed accepts; does no I/O and reads no clock.
#[derive(Debug, Default)]
pub struct AcceptBackoff {
    pause: Option<Duration>,
    until: Option<Instant>,
}

impl AcceptBackoff {
    /// What to do after `error`.
    pub fn failed(&mut self, error: &io::Error, now: Instant) -> Verdict {
        match error.raw_os_error().map(Errno::from_raw_os_error) {
            Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM) => {
                let first = self.pause.is_none();
                let pause = self.pause.map_or(PAUSES.0, |last| (last * 2).min(PAUSES.1));
                let until = now + pause;
                self.pause = Some(pause);
                self.until = Some(until);
                Verdict::Wait { until, first }
            }
            // accept(2): Linux passes errors of the new connection on, and a firewall may forbid it (EPERM).
            Some(
                Errno::CONNABORTED
                | Errno::CONNRESET
                | Errno::INTR
                | Errno::PERM
                | Errno::PROTO
                | Errno::NETDOWN
                | Errno::NOPROTOOPT
                | Errno::HOSTDOWN
                | Errno::NONET
                | Errno::HOSTUNREACH
                | Errno::OPNOTSUPP
                | Errno::NETUNREACH
                | Errno::TIMEDOUT
                | Errno::NOTCONN,
            ) => Verdict::Again,
            _ => Verdict::Broken,
        }
    }

    /// An accept succeeded: the next shortage starts with a short pause.
    pub fn accepted(&mut self) {
        *self = Self::default();
    }

    /// The pause is over; the next failure doubles it.
    pub fn waited(&mut self) {
        self.until = None;
    }

    /// End of the pause, if there is one.
    pub fn wait_until(&self) -> Option<Instant> {
        self.until
    }
}

#[cfg(test)]
mod tests;
