//! Moving bytes between two plain TCP connections without copying them through this process.

use std::cell::RefCell;
use std::io;
use std::os::fd::OwnedFd;
use std::task::{Context, Poll, ready};

use rustix::io::Errno;
use rustix::pipe::{PipeFlags, SpliceFlags};
use tokio::io::Interest;
use tokio::net::TcpStream;

/// Bytes that a pipe should hold: what one round of system calls can move. The kernel's default is 64 KiB; where the
/// user's pages for pipes are used up (`fs.pipe-user-pages-soft`), the pipe stays at its default.
const PIPE_BYTES: usize = 256 * 1024;

/// Empty pipes that a thread keeps for the next transfer.
const POOLED_PIPES: usize = 16;

/// A transfer from one plain TCP connection to another through a pipe in the kernel.
///
/// It moves exactly as many bytes as it is told, or all until the sender's end. A pipe is held only while bytes are
/// on their way and a bounded number is kept for reuse per thread. Worth its two calls per round for bodies from
/// about 64 KiB; below, a copy is cheaper.
///
/// No other task may read from the source or write to the target meanwhile, and bytes that were read ahead into a
/// buffer have to be written first.
#[derive(Debug)]
pub struct Splice {
    pipe: Option<Pipe>,
    in_pipe: usize,
    remaining: Option<u64>,
    moved: u64,
    ended: bool,
}

/// How a transfer came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpliceEnd {
    /// The limit was reached; what follows stays unread in the source.
    Limit,
    /// The source ended (before the limit, if there was one). All that it had sent is delivered.
    Source,
}

/// Why a transfer stopped.
#[derive(Debug, thiserror::Error)]
pub enum SpliceError {
    /// The kernel cannot do it, or no pipe can be had. No byte is on its way: copy what is left after
    /// [`Splice::moved`].
    #[error("zero-copy transfer not possible here")]
    Unsupported(#[source] io::Error),
    /// Reading from the source failed.
    #[error("reading from the sender failed")]
    Source(#[source] io::Error),
    /// Writing to the target failed.
    #[error("writing to the receiver failed")]
    Target(#[source] io::Error),
}

impl Splice {
    /// A transfer of exactly `limit` bytes (a `Content-Length`).
    pub fn exactly(limit: u64) -> Self {
        Self::new(Some(limit))
    }

    /// A transfer of everything until the source ends (a tunnel, or a body that ends with its connection).
    pub fn to_end() -> Self {
        Self::new(None)
    }

    fn new(remaining: Option<u64>) -> Self {
        Self {
            pipe: None,
            in_pipe: 0,
            remaining,
            moved: 0,
            ended: false,
        }
    }

    /// Bytes that reached the target's socket so far; grows between polls, so that a deadline on progress and byte
    /// counters can watch it.
    pub fn moved(&self) -> u64 {
        self.moved
    }

    /// Moves on until both sides would block or the end is reached. Reads nothing more while the target takes
    /// nothing: at most one pipe is full. Takes part in tokio's cooperative budget, so a fast transfer yields to the
    /// other connections of the worker.
    ///
    /// # Errors
    ///
    /// [`SpliceError`]; the transfer is over. Only after `Unsupported` has the target got all that was read.
    pub fn poll_pump(
        &mut self,
        cx: &mut Context<'_>,
        from: &TcpStream,
        to: &TcpStream,
    ) -> Poll<Result<SpliceEnd, SpliceError>> {
        loop {
            while self.in_pipe > 0 {
                ready!(self.poll_drain(cx, to)).map_err(SpliceError::Target)?;
            }
            self.release();
            if self.remaining == Some(0) {
                return Poll::Ready(Ok(SpliceEnd::Limit));
            }
            if self.ended {
                return Poll::Ready(Ok(SpliceEnd::Source));
            }
            ready!(self.poll_fill(cx, from))?;
        }
    }

    /// Source to pipe. Called with an empty pipe only: otherwise "would block" could mean that the pipe is full, and
    /// waiting for the source then would never end.
    fn poll_fill(
        &mut self,
        cx: &mut Context<'_>,
        from: &TcpStream,
    ) -> Poll<Result<(), SpliceError>> {
        debug_assert_eq!(self.in_pipe, 0);
        loop {
            ready!(from.poll_read_ready(cx)).map_err(SpliceError::Source)?;
            let pipe = match &self.pipe {
                Some(pipe) => pipe,
                None => {
                    let pipe = Pipe::take().map_err(fill_failed)?;
                    self.pipe.insert(pipe)
                }
            };
            let wanted = self.remaining.map_or(pipe.capacity, |remaining| {
                usize::try_from(remaining)
                    .unwrap_or(usize::MAX)
                    .min(pipe.capacity)
            });
            let result = from.try_io(Interest::READABLE, || splice(from, &pipe.write, wanted));
            match result {
                Ok(0) => {
                    self.ended = true;
                    return Poll::Ready(Ok(()));
                }
                Ok(count) => {
                    self.in_pipe = count;
                    self.remaining = self.remaining.map(|remaining| remaining - count as u64);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    // An idle transfer holds no pipe.
                    self.release();
                }
                Err(error) => return Poll::Ready(Err(fill_failed(error))),
            }
        }
    }

    /// Pipe to target. The pipe is not empty, so "would block" is about the target.
    fn poll_drain(&mut self, cx: &mut Context<'_>, to: &TcpStream) -> Poll<io::Result<()>> {
        let Some(pipe) = &self.pipe else {
            self.in_pipe = 0;
            return Poll::Ready(Ok(()));
        };
        loop {
            ready!(to.poll_write_ready(cx))?;
            match to.try_io(Interest::WRITABLE, || splice(&pipe.read, to, self.in_pipe)) {
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Ok(count) => {
                    self.in_pipe -= count;
                    self.moved += count as u64;
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    /// Keeps the pipe for others, unless bytes of this transfer are in it.
    fn release(&mut self) {
        if let Some(pipe) = self.pipe.take()
            && self.in_pipe == 0
        {
            pipe.give_back();
        }
    }
}

/// Errors that speak of ability, not of the connection, ask for a copy instead.
fn fill_failed(error: io::Error) -> SpliceError {
    let inability = matches!(
        error.raw_os_error().map(Errno::from_raw_os_error),
        Some(
            Errno::INVAL | Errno::NOSYS | Errno::PERM | Errno::MFILE | Errno::NFILE | Errno::NOMEM
        )
    );
    if inability {
        SpliceError::Unsupported(error)
    } else {
        SpliceError::Source(error)
    }
}

impl Drop for Splice {
    fn drop(&mut self) {
        self.release();
    }
}

fn splice(
    from: impl std::os::fd::AsFd,
    to: impl std::os::fd::AsFd,
    count: usize,
) -> io::Result<usize> {
    let flags = SpliceFlags::MOVE | SpliceFlags::NONBLOCK;
    Ok(rustix::pipe::splice(from, None, to, None, count, flags)?)
}

thread_local! {
    static POOL: RefCell<Vec<Pipe>> = const { RefCell::new(Vec::new()) };
}

/// A pipe; closed when dropped.
#[derive(Debug)]
struct Pipe {
    read: OwnedFd,
    write: OwnedFd,
    capacity: usize,
}

impl Pipe {
    /// One from the thread's pool, or a new one.
    fn take() -> io::Result<Self> {
        if let Some(pipe) = POOL.with_borrow_mut(Vec::pop) {
            return Ok(pipe);
        }
        let (read, write) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        let capacity = match rustix::pipe::fcntl_setpipe_size(&write, PIPE_BYTES) {
            Ok(capacity) => capacity,
            Err(_) => rustix::pipe::fcntl_getpipe_size(&write)?,
        };
        Ok(Self {
            read,
            write,
            capacity,
        })
    }

    /// Keeps an empty pipe for the next transfer of this thread.
    fn give_back(self) {
        POOL.with_borrow_mut(|pool| {
            if pool.len() < POOLED_PIPES {
                pool.push(self);
            }
        });
    }
}

#[cfg(test)]
mod tests;
