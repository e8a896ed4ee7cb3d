//! Binding: one socket per worker on one port.

use std::io;
use std::net::{
    Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6, TcpListener, ToSocketAddrs,
};
use std::num::NonZeroUsize;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};

use crate::accept::Acceptor;

/// How to listen.
#[derive(Debug, Clone)]
pub struct ListenOptions {
    /// Sockets on the port, one per worker. More than one implies `SO_REUSEPORT` between them. Default 1.
    pub sockets: NonZeroUsize,
    /// Let other processes of the same user listen on the port too (Traefik: `entryPoints.<name>.reusePort`).
    /// Default false: [`bind`] fails if the port is taken, as it would without `SO_REUSEPORT`.
    pub reuse_port: bool,
    /// Idle time before the kernel probes a silent client; then 9 probes, 15 s apart (Go's defaults).
    /// Default 3 minutes, as Traefik's entry points.
    pub keep_alive: Duration,
    /// Connections that may wait to be accepted, per socket. The kernel cuts it to `net.core.somaxconn`.
    /// Default 4096.
    pub backlog: u16,
}

impl Default for ListenOptions {
    fn default() -> Self {
        Self {
            sockets: NonZeroUsize::MIN,
            reuse_port: false,
            keep_alive: Duration::from_secs(180),
            backlog: 4096,
        }
    }
}

/// Why an address cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// It is not `[host]:port`.
    #[error(
        "address {address:?} is no address to listen on: write it as \":80\", \"10.0.0.1:80\" or \"[::1]:80\""
    )]
    Syntax {
        /// The address as configured.
        address: String,
    },
    /// Its host name has no address.
    #[error(
        "address {address:?}: host name not resolved: use an IP address of this machine, or none for all"
    )]
    Resolve {
        /// The address as configured.
        address: String,
        /// What the resolver said.
        source: io::Error,
    },
    /// The kernel refused.
    #[error("cannot listen on {address:?}: {}", cure(.source))]
    Bind {
        /// The address as configured.
        address: String,
        /// The kernel's error.
        source: io::Error,
    },
}

fn cure(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            "the port is in use: stop the other process or choose another port".to_owned()
        }
        io::ErrorKind::PermissionDenied => {
            "no right to use this port: grant CAP_NET_BIND_SERVICE or choose a port of 1024 or higher".to_owned()
        }
        io::ErrorKind::AddrNotAvailable => {
            "no interface of this machine has this address: leave the host empty to listen on all".to_owned()
        }
        _ => error.to_string(),
    }
}

/// One bound and listening socket. `Send`: bound by whoever starts the workers, then given to one of them, which
/// turns it into an [`Acceptor`].
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// A listening socket from elsewhere, for example inherited. It is made non-blocking and gets the options that
    /// connections inherit.
    ///
    /// # Errors
    ///
    /// If the socket refuses an option.
    pub fn from_std(socket: TcpListener, options: &ListenOptions) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        inherited_options(&socket2::SockRef::from(&socket), options)?;
        let address = canonical(socket.local_addr()?);
        Ok(Self { socket, address })
    }

    /// Where it listens, with the port that the kernel chose if 0 was asked for.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Registers the socket with the runtime of the calling thread.
    ///
    /// # Errors
    ///
    /// If the runtime cannot take it (no descriptor left for the registration).
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime with I/O, as tokio's own types do.
    pub fn into_acceptor(self) -> io::Result<Acceptor> {
        Acceptor::new(self.socket, self.address)
    }
}

/// Listens on `address`, written as Go's `net.Listen("tcp", …)` takes it: `:80`, `0.0.0.0:80` and `[::]:80` all mean
/// every IPv4 and IPv6 address of the machine (IPv4 alone where the kernel has no IPv6); a host name means its first
/// IPv4 address, else its first. Port 0: the kernel chooses one free port for all sockets.
///
/// Returns `options.sockets` listeners on one port. Accepted connections have `TCP_NODELAY` and keep-alive set
/// already: on Linux they inherit both from the listener, which spares the calls per connection.
///
/// # Errors
///
/// [`BindError`]; nothing is left bound.
pub fn bind(address: &str, options: &ListenOptions) -> Result<Vec<Listener>, BindError> {
    let wanted = resolve(address)?;
    bind_all(wanted, options).map_err(|source| BindError::Bind {
        address: address.to_owned(),
        source,
    })
}

fn bind_all(wanted: Wanted, options: &ListenOptions) -> io::Result<Vec<Listener>> {
    let shared = options.reuse_port || options.sockets.get() > 1;
    let mut target = match wanted {
        Wanted::All(port) => any_address(port)?,
        Wanted::One(address) => address,
    };
    if shared && !options.reuse_port && target.port() != 0 {
        // Sockets with SO_REUSEPORT join those of any other process of this user without a word. This one does not,
        // so that a second instance by mistake is told.
        open(target, false)?;
    }
    let mut sockets = Vec::with_capacity(options.sockets.get());
    for _ in 0..options.sockets.get() {
        let socket = open(target, shared)?;
        inherited_options(&socket, options)?;
        if let (0, Some(bound)) = (target.port(), socket.local_addr()?.as_socket()) {
            target.set_port(bound.port());
        }
        sockets.push(socket);
    }
    // Only when all are bound: connections that the first got would be reset if a later one failed.
    sockets
        .into_iter()
        .map(|socket| {
            socket.listen(i32::from(options.backlog))?;
            let socket = TcpListener::from(socket);
            let address = canonical(socket.local_addr()?);
            Ok(Listener { socket, address })
        })
        .collect()
}

/// A bound socket that does not listen yet.
fn open(address: SocketAddr, reuse_port: bool) -> io::Result<Socket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_nonblocking(true)?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(reuse_port)?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    socket.bind(&address.into())?;
    Ok(socket)
}

/// Options that accepted connections inherit.
fn inherited_options(socket: &Socket, options: &ListenOptions) -> io::Result<()> {
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_keepalive(
        &TcpKeepalive::new()
            .with_time(options.keep_alive)
            .with_interval(Duration::from_secs(15))
            .with_retries(9),
    )
}

/// Where to listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// Every address of the machine.
    All(u16),
    /// This address.
    One(SocketAddr),
}

fn resolve(address: &str) -> Result<Wanted, BindError> {
    let syntax = || BindError::Syntax {
        address: address.to_owned(),
    };
    let (host, port) = address.rsplit_once(':').ok_or_else(syntax)?;
    let port: u16 = port.parse().map_err(|_| syntax())?;
    let host = match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']').ok_or_else(syntax)?,
        None if host.contains(':') => return Err(syntax()),
        None => host,
    };
    if host.is_empty() {
        return Ok(Wanted::All(port));
    }
    let found: Vec<SocketAddr> = (host, port)
        .to_socket_addrs()
        .map_err(|source| BindError::Resolve {
            address: address.to_owned(),
            source,
        })?
        .collect();
    let chosen = found
        .iter()
        .find(|found| found.is_ipv4())
        .or(found.first())
        .ok_or_else(syntax)?;
    Ok(if chosen.ip().is_unspecified() {
        Wanted::All(port)
    } else {
        Wanted::One(*chosen)
    })
}

/// `[::]` where the kernel has IPv6, else `0.0.0.0`.
fn any_address(port: u16) -> io::Result<SocketAddr> {
    match Socket::new(Domain::IPV6, Type::STREAM, Some(Protocol::TCP)) {
        Ok(_) => Ok(SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, port, 0, 0).into()),
        // EAFNOSUPPORT: booted with ipv6.disable=1.
        Err(error)
            if error.raw_os_error() == Some(rustix::io::Errno::AFNOSUPPORT.raw_os_error()) =>
        {
            Ok(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port).into())
        }
        Err(error) => Err(error),
    }
}

/// IPv4 clients of a dual-stack socket as IPv4 addresses.
pub(crate) fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpStream;

    fn group(address: &str, sockets: usize) -> Vec<Listener> {
        let options = ListenOptions {
            sockets: NonZeroUsize::new(sockets).unwrap(),
            ..ListenOptions::default()
        };
        bind(address, &options).unwrap()
    }

    #[test]
    fn addresses_are_read_as_go_reads_them() {
        for (text, wanted) in [
            (":80", Wanted::All(80)),
            ("0.0.0.0:80", Wanted::All(80)),
            ("[::]:80", Wanted::All(80)),
            (":0", Wanted::All(0)),
            ("127.0.0.1:81", Wanted::One("127.0.0.1:81".parse().unwrap())),
            ("[::1]:81", Wanted::One("[::1]:81".parse().unwrap())),
        ] {
            assert_eq!(resolve(text).unwrap(), wanted, "{text}");
        }
        for text in [
            "", "80", "host", "::1:80", "[::1:80", "1.2.3.4:", ":65536", ":http ",
        ] {
            match resolve(text) {
                Err(BindError::Syntax { address }) => assert_eq!(address, text),
                other => panic!("{text}: {other:?}"),
            }
        }
    }

    #[test]
    fn port_0_gives_all_sockets_of_the_group_one_port() {
        let listeners = group("127.0.0.1:0", 3);
        assert_eq!(listeners.len(), 3);
        let port = listeners[0].local_addr().port();
        assert_ne!(port, 0);
        for listener in &listeners {
            assert_eq!(listener.local_addr().port(), port);
        }
    }

    #[test]
    fn no_host_means_both_families() {
        let listeners = group(":0", 1);
        let port = listeners[0].local_addr().port();
        for address in ["127.0.0.1", "::1"] {
            TcpStream::connect((address, port)).unwrap();
        }
    }

    #[test]
    fn a_taken_port_is_told_even_by_a_group() {
        let first = group("127.0.0.1:0", 2);
        let address = first[0].local_addr().to_string();
        for sockets in [1, 2] {
            let options = ListenOptions {
                sockets: NonZeroUsize::new(sockets).unwrap(),
                ..ListenOptions::default()
            };
            let text = bind(&address, &options).unwrap_err().to_string();
            assert_eq!(
                text,
                format!(
                    "cannot listen on \"{address}\": the port is in use: stop the other process or choose another port"
                )
            );
        }
    }

    #[test]
    fn reuse_port_joins_what_is_there() {
        let options = ListenOptions {
            reuse_port: true,
            ..ListenOptions::default()
        };
        let first = bind("127.0.0.1:0", &options).unwrap();
        let second = bind(&first[0].local_addr().to_string(), &options).unwrap();
        assert_eq!(first[0].local_addr(), second[0].local_addr());
    }

    #[test]
    fn a_foreign_address_is_told() {
        // TEST-NET-1 (RFC 5737) belongs to nobody.
        let text = bind("192.0.2.1:0", &ListenOptions::default())
            .unwrap_err()
            .to_string();
        assert!(
            text.contains("no interface of this machine has this address"),
            "{text}"
        );
    }

    #[test]
    fn connections_inherit_no_delay_and_keep_alive() {
        let listeners = group("127.0.0.1:0", 1);
        let _client = TcpStream::connect(listeners[0].local_addr()).unwrap();
        let (accepted, _) = listeners[0].socket.accept().unwrap();
        let accepted = socket2::SockRef::from(&accepted);
        assert!(accepted.tcp_nodelay().unwrap());
        assert!(accepted.keepalive().unwrap());
        assert_eq!(
            accepted.tcp_keepalive_time().unwrap(),
            Duration::from_secs(180)
        );
        assert_eq!(
            accepted.tcp_keepalive_interval().unwrap(),
            Duration::from_secs(15)
        );
        assert_eq!(accepted.tcp_keepalive_retries().unwrap(), 9);
    }
}
