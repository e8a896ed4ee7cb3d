//! The real process: its commands, and one life from start to end.

#![expect(clippy::unwrap_used, reason = "in a test that is how a failure shows")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// Nothing here takes longer; a hang ends as a failure.
const TIMEOUT: Duration = Duration::from_secs(30);

fn pointsman() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pointsman"));
    // Options of whoever runs the tests are none of theirs.
    command.env_clear();
    command
}

fn run(args: &[&str]) -> Output {
    pointsman().args(args).output().unwrap()
}

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/shop")
}

/// A serving process; killed when dropped.
struct Process {
    child: Child,
    log: BufReader<ChildStdout>,
}

impl Process {
    fn start(args: &[String]) -> Self {
        let mut child = pointsman()
            .args(["--log.level=DEBUG", "--log.noColor=true"])
            .args(args)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let log = BufReader::new(child.stdout.take().unwrap());
        Self { child, log }
    }

    /// Reads the log up to a line that contains `wanted`.
    fn wait_for(&mut self, wanted: &str) -> String {
        let mut read = String::new();
        loop {
            let mut line = String::new();
            let count = self.log.read_line(&mut line).unwrap();
            assert!(count > 0, "no {wanted:?} in the log:\n{read}");
            if line.contains(wanted) {
                return line;
            }
            read.push_str(&line);
        }
    }

    /// The address that an entry point listens on; they are told in the order of their names.
    fn address_of(&mut self, entry_point: &str) -> SocketAddr {
        let line = self.wait_for(&format!("entryPointName={entry_point}"));
        let (_, rest) = line.split_once("address=").unwrap();
        rest.split_whitespace().next().unwrap().parse().unwrap()
    }

    /// Sends SIGTERM and returns the exit code.
    fn terminate(mut self) -> Option<i32> {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::TERM).unwrap();
        let mut rest = String::new();
        self.log.read_to_string(&mut rest).unwrap();
        self.child.wait().unwrap().code()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server on a free port that answers every request with `name`.
fn backend(name: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut requests = BufReader::new(stream.try_clone().unwrap());
                let mut stream = stream;
                let mut line = String::new();
                while requests.read_line(&mut line).is_ok_and(|count| count > 0) {
                    if line == "\r\n" {
                        let answer = format!(
                            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{name}",
                            name.len()
                        );
                        if stream.write_all(answer.as_bytes()).is_err() {
                            return;
                        }
                    }
                    line.clear();
                }
            });
        }
    });
    address
}

/// Status line and body of the answer.
fn get(address: SocketAddr, host: &str, path: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.lines().next().unwrap_or_default();
    (status.to_owned(), body.to_owned())
}

fn manifests(server: SocketAddr) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{name: shop, namespace: shop}}
spec:
  rules:
  - host: shop.localhost
    http:
      paths:
      - {{path: /, pathType: Prefix, backend: {{service: {{name: front, port: {{number: 80}}}}}}}}
---
apiVersion: v1
kind: Service
metadata: {{name: front, namespace: shop}}
spec: {{ports: [{{name: http, port: 80}}]}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: front-1, namespace: shop, labels: {{kubernetes.io/service-name: front}}}}
addressType: IPv4
ports: [{{name: http, port: {}}}]
endpoints: [{{addresses: [{}]}}]
",
        server.port(),
        server.ip()
    )
}

const DYNAMIC: &str = "
tcp:
  routers:
    database: {rule: HostSNI(`*`), service: database}
  services:
    database: {loadBalancer: {servers: [{address: '127.0.0.1:5432'}]}}
";

/// Writes a file as a careful editor does: never half.
fn replace(path: &Path, text: &str) {
    let beside = path.with_extension("new");
    fs::write(&beside, text).unwrap();
    fs::rename(&beside, path).unwrap();
}

#[test]
fn it_serves_a_folder_takes_over_a_change_and_ends_well() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("manifests");
    fs::create_dir(&folder).unwrap();
    let file = folder.join("shop.yaml");
    fs::write(&file, manifests(backend("blue"))).unwrap();
    let dynamic = dir.path().join("dynamic.yml");
    fs::write(&dynamic, DYNAMIC).unwrap();

    let mut process = Process::start(&[
        "--entryPoints.web.address=127.0.0.1:0".to_owned(),
        "--entryPoints.traefik.address=127.0.0.1:0".to_owned(),
        "--api.insecure=true".to_owned(),
        "--ping=true".to_owned(),
        format!("--providers.file.filename={}", dynamic.display()),
        format!(
            "--providers.kubernetesIngress.manifests={}",
            folder.display()
        ),
    ]);
    let own = process.address_of("traefik");
    let web = process.address_of("web");
    process.wait_for("serving");

    let (status, body) = get(web, "shop.localhost", "/");
    assert_eq!(
        (status.as_str(), body.as_str()),
        ("HTTP/1.1 200 OK", "blue")
    );
    let (status, _) = get(web, "elsewhere.localhost", "/");
    assert_eq!(status, "HTTP/1.1 404 Not Found");

    let (status, body) = get(own, "localhost", "/ping");
    assert_eq!((status.as_str(), body.as_str()), ("HTTP/1.1 200 OK", "OK"));
    let shown = |path: &str| -> Value {
        let (status, body) = get(own, "localhost", path);
        assert_eq!(status, "HTTP/1.1 200 OK", "{path}");
        serde_json::from_str(&body).unwrap()
    };
    let router = shown("/api/http/routers/shop-shop-shop-localhost@kubernetes");
    assert_eq!(router["status"], "enabled");
    let database = shown("/api/tcp/routers/database@file");
    assert_eq!(database["status"], "disabled");

    replace(&file, &manifests(backend("green")));
    process.wait_for("configuration applied");
    assert_eq!(get(web, "shop.localhost", "/").1, "green");

    // What is broken is kept as it was.
    replace(&file, "kind: [");
    process.wait_for("shop.yaml");
    assert_eq!(get(web, "shop.localhost", "/").1, "green");

    assert_eq!(process.terminate(), Some(0));
}

#[test]
fn mistakes_of_the_static_configuration_are_told_at_once_and_nothing_starts() {
    let output = run(&["--entryPoint.web.address=:0", "--log.level=loud"]);
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        text.contains("entryPoint") && text.contains("log.level"),
        "{text}"
    );
}

#[test]
fn check_finds_the_one_error_of_the_example() {
    let example = example();
    let output = run(&["check", example.to_str().unwrap(), "--output=json"]);
    assert_eq!(output.status.code(), Some(1));
    let value: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(value["errors"], 1, "{value}");
    assert_eq!(value["problems"][0]["object"], "Ingress shop/checkout");
}

#[test]
fn check_of_a_good_folder_succeeds() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(
        dir.path().join("a.yaml"),
        manifests(([127, 0, 0, 1], 1).into()),
    )
    .unwrap();
    let output = run(&["check", dir.path().to_str().unwrap()]);
    assert_eq!(output.stdout, b"no problems\n");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn explain_finds_the_middlewares_of_a_dynamic_file_among_manifests() {
    let example = example();
    let url = "https://shop.localhost:8443/admin/users";
    let output = run(&["explain", url, "--manifests", example.to_str().unwrap()]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    for part in [
        "middlewares  staff@file, under-admin@file\n",
        "servers      http://127.0.0.1:9001\n",
        "certificate  one for this host\n",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

#[test]
fn healthcheck_fails_where_nobody_listens() {
    // Bound and given back: nobody listens there.
    let port = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = port.local_addr().unwrap();
    drop(port);
    let address = format!("--entryPoints.traefik.address={address}");
    let output = run(&["healthcheck", "--ping=true", &address]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("Error calling healthcheck: "), "{text}");
}

#[test]
fn healthcheck_asks_the_running_process() {
    let mut process = Process::start(&[
        "--entryPoints.traefik.address=127.0.0.1:0".to_owned(),
        "--entryPoints.web.address=127.0.0.1:0".to_owned(),
        "--ping=true".to_owned(),
    ]);
    let address = process.address_of("traefik");
    process.wait_for("serving");
    let flag = format!("--entryPoints.traefik.address={address}");
    let output = run(&["healthcheck", "--ping=true", &flag]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text, format!("OK: http://{address}/ping\n"));
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(process.terminate(), Some(0));
}
