//! A server whose every byte the test decides.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::{Mutex, Notify, mpsc};
use tokio::task::JoinHandle;

use crate::message::{Head, Message};
use crate::wire::{ReadError, Wire};

/// A server on a free port of 127.0.0.1.
///
/// The test either accepts connections itself ([`Upstream::listen`], [`Upstream::accept`]) and so
/// holds each step in its hands, or leaves them to a script ([`Upstream::scripted`],
/// [`Upstream::answering`]) and looks at what arrived ([`Upstream::request`]). A scripted server
/// ends when it is dropped.
#[derive(Debug)]
pub struct Upstream {
    address: SocketAddr,
    mode: Mode,
}

#[derive(Debug)]
enum Mode {
    ByHand(TcpListener),
    Scripted {
        requests: Mutex<mpsc::UnboundedReceiver<Message>>,
        server: JoinHandle<()>,
    },
}

/// A step of a scripted connection.
#[derive(Debug, Clone)]
pub enum Step {
    /// Reads a whole request, which [`Upstream::request`] then returns.
    Request,
    /// Reads only a request's head; [`Upstream::request`] returns it with an empty body.
    RequestHead,
    /// Sends bytes as they are.
    Send(Vec<u8>),
    /// Goes on when the test opens the gate.
    Wait(Gate),
    /// Half-close: nothing more is sent, but the other side may go on.
    FinishSending,
    /// Ends with a TCP reset.
    Reset,
    /// Starts this connection's script again.
    Repeat,
}

impl Step {
    /// [`Step::Send`] of a text.
    pub fn send(bytes: impl AsRef<[u8]>) -> Self {
        Self::Send(bytes.as_ref().to_vec())
    }
}

/// Holds a script up until the test opens it. Once opened it stays so.
#[derive(Debug, Clone, Default)]
pub struct Gate(Arc<(Notify, std::sync::atomic::AtomicBool)>);

impl Gate {
    /// A closed gate.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets everyone through, now and later.
    pub fn open(&self) {
        self.0.1.store(true, std::sync::atomic::Ordering::SeqCst);
        self.0.0.notify_waiters();
    }

    /// Waits until it is open.
    pub async fn passed(&self) {
        // Registered before the look at the flag, so that an opening in between is not missed.
        let mut notified = std::pin::pin!(self.0.0.notified());
        notified.as_mut().enable();
        if !self.0.1.load(std::sync::atomic::Ordering::SeqCst) {
            notified.await;
        }
    }
}

impl Upstream {
    /// A server whose connections the test accepts itself.
    ///
    /// # Errors
    ///
    /// If no port can be had.
    pub async fn listen() -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        Ok(Self {
            address: listener.local_addr()?,
            mode: Mode::ByHand(listener),
        })
    }

    /// A server whose n-th connection plays the n-th script; one more is accepted and closed.
    /// A script that is through closes its connection. A request that can't be read ends the
    /// connection, and [`Upstream::request`] never sees it.
    ///
    /// # Errors
    ///
    /// If no port can be had.
    pub async fn scripted(connections: Vec<Vec<Step>>) -> io::Result<Self> {
        let mut connections = connections.into_iter();
        Self::serve(move || connections.next().unwrap_or_default()).await
    }

    /// A server that answers every request on every connection with these bytes.
    ///
    /// # Errors
    ///
    /// If no port can be had.
    pub async fn answering(bytes: impl AsRef<[u8]>) -> io::Result<Self> {
        let script = vec![Step::Request, Step::send(bytes), Step::Repeat];
        Self::serve(move || script.clone()).await
    }

    async fn serve(mut script: impl FnMut() -> Vec<Step> + Send + 'static) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let (sender, receiver) = mpsc::unbounded_channel();
        let server = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (steps, sender) = (script(), sender.clone());
                connections.spawn(async move {
                    // The other side may go away at any time; the test sees that on its own end.
                    drop(play(Wire::new(stream), &steps, &sender).await);
                });
            }
        });
        Ok(Self {
            address,
            mode: Mode::Scripted {
                requests: Mutex::new(receiver),
                server,
            },
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The next connection, of a server made by [`Upstream::listen`].
    ///
    /// # Errors
    ///
    /// If the accept fails, or this server is scripted.
    pub async fn accept(&self) -> io::Result<Wire> {
        let Mode::ByHand(listener) = &self.mode else {
            return Err(io::Error::other("a scripted upstream accepts by itself"));
        };
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        Ok(Wire::new(stream))
    }

    /// The next request that a scripted server read, in the order of arrival over all connections.
    /// `None` if this server isn't scripted.
    pub async fn request(&self) -> Option<Message> {
        let Mode::Scripted { requests, .. } = &self.mode else {
            return None;
        };
        requests.lock().await.recv().await
    }

    /// The requests that a scripted server has read and [`Upstream::request`] hasn't returned.
    pub async fn waiting_requests(&self) -> usize {
        match &self.mode {
            Mode::ByHand(_) => 0,
            Mode::Scripted { requests, .. } => requests.lock().await.len(),
        }
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        if let Mode::Scripted { server, .. } = &self.mode {
            server.abort();
        }
    }
}

async fn play(
    mut wire: Wire,
    steps: &[Step],
    requests: &mpsc::UnboundedSender<Message>,
) -> Result<(), ReadError> {
    let mut next = 0;
    while let Some(step) = steps.get(next) {
        next += 1;
        match step {
            Step::Request => {
                let request = wire.read_request().await?;
                drop(requests.send(request));
            }
            Step::RequestHead => {
                let head = wire.read_head().await?;
                drop(requests.send(without_body(head)));
            }
            Step::Send(bytes) => wire.send(bytes).await?,
            Step::Wait(gate) => gate.passed().await,
            Step::FinishSending => wire.finish_sending().await?,
            Step::Reset => return Ok(wire.reset()?),
            Step::Repeat => next = 0,
        }
    }
    Ok(())
}

fn without_body(head: Head) -> Message {
    Message {
        head,
        body: Vec::new(),
        raw_body: Vec::new(),
        trailers: Vec::new(),
        framing: crate::message::Framing::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

    #[tokio::test]
    async fn each_connection_plays_its_own_script() {
        let upstream = Upstream::scripted(vec![
            vec![Step::Request, Step::send("first")],
            vec![Step::Request, Step::send("second")],
        ])
        .await
        .unwrap();
        for expected in ["first", "second", ""] {
            let mut client = Wire::connect(upstream.address()).await.unwrap();
            if !expected.is_empty() {
                client.send(GET).await.unwrap();
            }
            assert_eq!(client.read_to_end().await.unwrap(), expected.as_bytes());
        }
    }

    #[tokio::test]
    async fn keep_alive_requests_are_answered_and_recorded_with_their_bytes() {
        let upstream = Upstream::answering(OK).await.unwrap();
        let mut client = Wire::connect(upstream.address()).await.unwrap();
        let post =
            "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n";
        for request in [GET, post] {
            client.send(request).await.unwrap();
            assert_eq!(client.read_response("GET").await.unwrap().body, b"ok");
        }
        assert_eq!(upstream.waiting_requests().await, 2);
        assert_eq!(upstream.request().await.unwrap().head.raw, GET.as_bytes());
        let request = upstream.request().await.unwrap();
        assert_eq!(request.body, b"hi");
        assert_eq!(request.raw_body, b"2\r\nhi\r\n0\r\n\r\n");
    }

    #[tokio::test]
    async fn a_gate_holds_the_answer_back() {
        let gate = Gate::new();
        let upstream = Upstream::scripted(vec![vec![
            Step::Request,
            Step::send("HTTP/1.1 103 Early Hints\r\n\r\n"),
            Step::Wait(gate.clone()),
            Step::send(OK),
        ]])
        .await
        .unwrap();
        let mut client = Wire::connect(upstream.address()).await.unwrap();
        client.send(GET).await.unwrap();
        assert_eq!(
            client.read_response("GET").await.unwrap().head.status(),
            Some(103)
        );
        {
            let mut answer = std::pin::pin!(client.read_response("GET"));
            let polled =
                std::future::poll_fn(|cx| std::task::Poll::Ready(answer.as_mut().poll(cx))).await;
            assert!(polled.is_pending());
            gate.open();
            assert_eq!(answer.await.unwrap().body, b"ok");
        }
        gate.passed().await;
    }

    #[tokio::test]
    async fn a_reset_is_seen_as_one() {
        let upstream = Upstream::scripted(vec![vec![Step::RequestHead, Step::Reset]])
            .await
            .unwrap();
        let mut client = Wire::connect(upstream.address()).await.unwrap();
        client.send(GET).await.unwrap();
        match client.read_response("GET").await {
            Err(ReadError::Io(error)) => assert_eq!(error.kind(), io::ErrorKind::ConnectionReset),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn connections_by_hand_see_half_close() {
        let upstream = Upstream::listen().await.unwrap();
        let mut client = Wire::connect(upstream.address()).await.unwrap();
        let mut server = upstream.accept().await.unwrap();
        client.send("abc").await.unwrap();
        client.finish_sending().await.unwrap();
        assert_eq!(server.read_to_end().await.unwrap(), b"abc");
        server.send("still there").await.unwrap();
        drop(server);
        assert_eq!(client.read_to_end().await.unwrap(), b"still there");
    }
}
