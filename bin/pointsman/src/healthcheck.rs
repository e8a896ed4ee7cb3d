//! `pointsman healthcheck`: asks a running process whether it is well. Traefik: `cmd/healthcheck`.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::process::ExitCode;
use std::time::Duration;

use pointsman_config::static_::Configuration;

/// For connecting, and for each read and write.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The longest status line that is looked at.
const MAX_STATUS_LINE: usize = 4096;

/// Asks `/ping` of the process that runs with this configuration and prints what came of it.
pub(crate) fn run(static_: &Configuration) -> ExitCode {
    let (text, code) = match ping(static_) {
        Ok((url, status)) if status.starts_with("200") => (format!("OK: {url}"), ExitCode::SUCCESS),
        Ok((_, status)) => (
            format!("Bad healthcheck status: {status}"),
            ExitCode::FAILURE,
        ),
        Err(error) => (
            format!("Error calling healthcheck: {error}"),
            ExitCode::FAILURE,
        ),
    };
    crate::say(&format!("{text}\n"));
    code
}

/// The URL that was asked and the status of the answer, `200 OK`.
fn ping(static_: &Configuration) -> Result<(String, String), String> {
    let ping = static_
        .ping
        .as_ref()
        .ok_or("please enable `ping` to use health check")?;
    let entry_point = static_
        .entry_points
        .get(&ping.entry_point)
        .ok_or_else(|| format!("ping: missing {} entry point", ping.entry_point))?;
    let address = entry_point.address.host_and_port();
    let url = format!("http://{address}/ping");
    let target = match address.strip_prefix(':') {
        Some(port) => format!("localhost:{port}"),
        None => address.clone(),
    };
    match ask(&target, &address) {
        Ok(status) => Ok((url, status)),
        Err(error) => Err(format!("Head {url:?}: {error}")),
    }
}

fn ask(target: &str, host: &str) -> io::Result<String> {
    let mut failed = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in target.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, TIMEOUT) {
            Ok(stream) => return exchange(stream, host),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

fn exchange(mut stream: TcpStream, host: &str) -> io::Result<String> {
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    let host = if host.starts_with(':') {
        "localhost"
    } else {
        host
    };
    let request = format!(
        "HEAD /ping HTTP/1.1\r\nHost: {host}\r\nUser-Agent: pointsman-healthcheck\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    let mut buffer = [0; 512];
    while !answer.contains(&b'\n') && answer.len() < MAX_STATUS_LINE {
        match stream.read(&mut buffer)? {
            0 => break,
            count => answer.extend_from_slice(buffer.get(..count).unwrap_or_default()),
        }
    }
    status(&answer).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "malformed response"))
}

/// Code and reason of a response's first line.
fn status(answer: &[u8]) -> Option<String> {
    let line = answer.split(|byte| *byte == b'\n').next()?;
    let line = std::str::from_utf8(line).ok()?.trim_end();
    let (version, status) = line.split_once(' ')?;
    (version.starts_with("HTTP/1.") && status.len() >= 3).then(|| status.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_is_what_follows_the_version() {
        assert_eq!(
            status(b"HTTP/1.1 503 Service Unavailable\r\nA: b\r\n").as_deref(),
            Some("503 Service Unavailable")
        );
        assert_eq!(status(b"HTTP/1.1 200 OK\r\n").as_deref(), Some("200 OK"));
        assert_eq!(status(b"SSH-2.0 OpenSSH\r\n"), None);
        assert_eq!(status(b""), None);
    }

    #[test]
    fn without_ping_it_says_what_to_turn_on() {
        let error = ping(&Configuration::default()).unwrap_err();
        assert_eq!(error, "please enable `ping` to use health check");
    }
}
