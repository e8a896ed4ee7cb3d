//! Two connections that stopped being HTTP, joined.

use std::io;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pointsman_message::body::Duplex;
use pointsman_net::Deadline;

/// Longest silence of both sides.
const IDLE: Duration = Duration::from_secs(3_600);
/// Bytes that one direction holds.
const BUFFER: usize = 16 * 1024;

/// One direction.
struct Flow {
    buffer: Box<[u8]>,
    from: usize,
    to: usize,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Copying,
    /// The source ended; what is buffered is still to be written.
    Ending,
    Done,
}

impl Flow {
    fn new() -> Self {
        Self {
            buffer: vec![0; BUFFER].into(),
            from: 0,
            to: 0,
            state: State::Copying,
        }
    }

    /// Moves bytes; ready when the source has ended and the sink knows it (half-close). Counts moved bytes.
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        source: &mut dyn Duplex,
        sink: &mut dyn Duplex,
        moved: &mut u64,
    ) -> Poll<io::Result<()>> {
        loop {
            while self.from < self.to {
                let data = self.buffer.get(self.from..self.to).unwrap_or_default();
                let written = ready!(sink.poll_write(cx, data))?;
                if written == 0 {
                    return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                }
                self.from += written;
                *moved += written as u64;
            }
            match self.state {
                State::Copying => match source.poll_read(cx, &mut self.buffer) {
                    Poll::Ready(Ok(0)) => self.state = State::Ending,
                    Poll::Ready(Ok(read)) => (self.from, self.to) = (0, read),
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending => {
                        ready!(sink.poll_flush(cx))?;
                        return Poll::Pending;
                    }
                },
                State::Ending => {
                    ready!(sink.poll_shutdown(cx))?;
                    self.state = State::Done;
                }
                State::Done => return Poll::Ready(Ok(())),
            }
        }
    }
}

/// Moves bytes both ways until both sides have ended, one fails, or both are silent for too long. Returns how many
/// bytes went up and down.
pub(crate) async fn join(client: &mut dyn Duplex, server: &mut dyn Duplex) -> (u64, u64) {
    let (mut up, mut down) = (Flow::new(), Flow::new());
    let (mut sent, mut received) = (0, 0);
    let mut seen = (0, 0);
    let mut deadline = Deadline::default();
    deadline.after(Some(IDLE));
    std::future::poll_fn(|cx| {
        let upwards = up.poll(cx, client, server, &mut sent);
        let downwards = down.poll(cx, server, client, &mut received);
        if matches!(upwards, Poll::Ready(Err(_))) || matches!(downwards, Poll::Ready(Err(_))) {
            return Poll::Ready(());
        }
        if upwards.is_ready() && downwards.is_ready() {
            return Poll::Ready(());
        }
        if seen != (sent, received) {
            seen = (sent, received);
            deadline.after(Some(IDLE));
        }
        deadline.poll(cx)
    })
    .await;
    (sent, received)
}
