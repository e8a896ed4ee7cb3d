"""A thousand changes under load: nothing is lost, nothing goes to the wrong backend, and no
connection is closed."""

import asyncio
import base64
import os
import re
import ssl
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from place import MANIFESTS, WEB, WEBSECURE

CHANGES = 1000

SERVICE = """\
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: changes}}
spec: {{ports: [{{name: web, port: 80}}]}}
"""
ENDPOINTS = """\
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: {name}-1, namespace: changes, labels: {{kubernetes.io/service-name: {name}}}}}
addressType: IPv4
ports: [{{name: web, port: {port}, protocol: TCP}}]
endpoints: [{{addresses: [127.0.0.1], conditions: {{ready: true}}}}]
"""
INGRESS = """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{name: {name}, namespace: changes}}
spec:
  tls: [{tls}]
  rules:
  - host: {host}
    http: {{paths: [{{path: /, pathType: Prefix, backend: {{service: {{name: {service}, port: {{number: 80}}}}}}}}]}}
"""
SECRET = """\
apiVersion: v1
kind: Secret
metadata: {{name: {name}-tls, namespace: changes}}
type: kubernetes.io/tls
data: {{tls.crt: {certificate}, tls.key: {key}}}
"""


class Connection:
    """One keep-alive connection, and nothing but requests one after the other."""

    def __init__(self, reader, writer, host):
        self.reader, self.writer = reader, writer
        self.question = f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()

    @classmethod
    async def open(cls, host, tls=None):
        port = WEBSECURE if tls else WEB
        more = {"ssl": tls, "server_hostname": host} if tls else {}
        return cls(*await asyncio.open_connection("127.0.0.1", port, **more), host)

    async def ask(self):
        """Status and body; an IncompleteReadError if the connection was closed."""
        self.writer.write(self.question)
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = int(re.search(rb"(?i)\r\ncontent-length: (\d+)", head)[1])
        body = await self.reader.readexactly(length)
        if re.search(rb"(?i)\r\nconnection: close", head):
            raise AssertionError(f"the proxy announced to close: {head!r}")
        return int(head.split(b" ")[1]), body.decode()


def frame(kind, flags, stream, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


class H2Connection:
    """The same over HTTP/2, as much of it as this takes (RFC 9113, RFC 7541)."""

    def __init__(self, reader, writer, host):
        self.reader, self.writer, self.stream = reader, writer, -1
        # GET, https and / are whole entries of the static table; :authority is a name in it.
        self.question = b"\x82\x87\x84\x01" + bytes([len(host)]) + host.encode()
        writer.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0))

    @classmethod
    async def open(cls, host, tls):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_alpn_protocols(["h2"])
        return cls(*await asyncio.open_connection("127.0.0.1", WEBSECURE, ssl=context, server_hostname=host), host)

    async def ask(self):
        self.stream += 2
        self.writer.write(frame(1, 0x5, self.stream, self.question))
        status, body = 0, b""
        while True:
            header = await self.reader.readexactly(9)
            payload = await self.reader.readexactly(int.from_bytes(header[:3], "big"))
            kind, flags, stream = header[3], header[4], int.from_bytes(header[5:], "big")
            if kind in (3, 7):
                raise AssertionError(f"reset or goodbye: {(header + payload).hex()}")
            if kind in (4, 6) and not flags & 1:
                # Settings are acknowledged, pings sent back.
                self.writer.write(frame(kind, 1, 0, payload if kind == 6 else b""))
            if kind == 1:
                # 0x88 is `:status: 200`; a change of the table's size (001xxxxx) may precede it.
                status = 200 if payload.lstrip(bytes(range(0x20, 0x40))).startswith(b"\x88") else payload.hex()
            if kind == 0:
                body += payload
                if payload:
                    self.writer.write(frame(8, 0, 0, len(payload).to_bytes(4, "big")))
            if kind in (0, 1) and stream == self.stream and flags & 1:
                return status, body.decode()


async def backend(name, connections):
    """Answers every request with its name."""
    answer = f"HTTP/1.1 200 OK\r\nContent-Length: {len(name)}\r\n\r\n{name}".encode()

    async def serve(reader, writer):
        connections.append(writer)
        try:
            while True:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            # The last is the end of the test; there is nothing to hand on.
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    return server, server.sockets[0].getsockname()[1]


def certificate(folder, name, host):
    """A self-signed certificate: its DER, and PEM of certificate and key in base64."""
    subprocess.run(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
        f"-subj /CN={name} -addext subjectAltName=DNS:{host} -keyout {name}.key -out {name}.pem".split(),
        cwd=folder, check=True, capture_output=True,
    )
    pem, key = (Path(folder) / f"{name}.pem").read_bytes(), (Path(folder) / f"{name}.key").read_bytes()
    return ssl.PEM_cert_to_DER_cert(pem.decode()), base64.b64encode(pem).decode(), base64.b64encode(key).decode()


def put(name, text):
    """As a careful editor saves: written beside, then renamed over."""
    fresh = Path(MANIFESTS) / f".{name}.fresh"
    fresh.write_text(text)
    os.replace(fresh, Path(MANIFESTS) / name)


class Changes(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        # The debug mode that unittest asks for costs more than the whole test.
        asyncio.get_running_loop().set_debug(False)
        self.connections, self.servers, self.tasks, self.files = [], [], [], set()
        self.asked = 0
        self.allowed = {"a"}

    async def asyncTearDown(self):
        for task in self.tasks:
            task.cancel()
        for server in self.servers:
            server.close()
        for writer in self.connections:
            writer.close()
        for name in self.files:
            (Path(MANIFESTS) / name).unlink(missing_ok=True)

    def put(self, name, text):
        self.files.add(name)
        put(name, text)

    async def until(self, condition, what):
        began = time.monotonic()
        while not await condition():
            if time.monotonic() - began > 10:
                self.fail(f"not in effect after 10 s: {what}")
            await asyncio.sleep(0)

    async def load(self, kind, host, tls, fixed):
        """Asks without end. `fixed` is the only right answer; without it the allowed ones are."""
        connection = await kind.open(host, tls)
        try:
            while True:
                before = set(self.allowed)
                status, body = await connection.ask()
                self.asked += 1
                right = {fixed} if fixed else before | self.allowed
                if status != 200 or body not in right:
                    raise AssertionError(f"{host}: answered {status} {body!r}, right would be {right}")
        finally:
            connection.writer.close()

    async def test_a_thousand_changes_lose_no_request_and_close_no_connection(self):
        ports = {}
        for name, answer in (("a1", "a"), ("a2", "a"), ("b1", "b")):
            server, ports[name] = await backend(answer, self.connections)
            self.servers.append(server)
        with tempfile.TemporaryDirectory() as folder:
            certificates = [certificate(folder, name, "moving.e2e.test") for name in ("one", "two")]

        secret = lambda i: SECRET.format(name="moving", certificate=certificates[i][1], key=certificates[i][2])
        moving = {"name": "moving", "host": "moving.e2e.test", "tls": "{secretName: moving-tls}"}
        route = lambda service: INGRESS.format(service=service, **moving)
        for name, port in (("a", ports["a1"]), ("b", ports["b1"])):
            self.put(f"service-{name}.yaml", SERVICE.format(name=name))
            self.put(f"endpoints-{name}.yaml", ENDPOINTS.format(name=name, port=port))
        self.put("secret.changes.yaml", secret(0))
        self.put("moving.yaml", route("a"))
        self.put("still.yaml", INGRESS.format(name="still", host="still.e2e.test", tls="", service="a"))

        probe = {host: await Connection.open(host) for host in ("moving.e2e.test", "still.e2e.test")}
        trust_all = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        trust_all.check_hostname, trust_all.verify_mode = False, ssl.CERT_NONE

        def answers(host, wanted):
            async def check():
                return await probe[host].ask() == (200, wanted)

            return check

        def serves(wanted):
            async def check():
                connection = await Connection.open("moving.e2e.test", trust_all)
                shown = connection.writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
                connection.writer.close()
                return shown == wanted

            return check

        await self.until(answers("moving.e2e.test", "a"), "first manifests")
        await self.until(answers("still.e2e.test", "a"), "first manifests")
        for _ in range(4):
            for kind, tls in ((Connection, None), (Connection, trust_all), (H2Connection, trust_all)):
                for host, fixed in (("still.e2e.test", "a"), ("moving.e2e.test", None)):
                    self.tasks.append(asyncio.create_task(self.load(kind, host, tls, fixed)))
        at, slowest = {"route": "a", "endpoint": "a1", "certificate": 0}, 0.0
        for number in range(CHANGES):
            began = time.monotonic()
            match number % 4:
                case 0:
                    old, new = at["route"], "b" if at["route"] == "a" else "a"
                    self.allowed = {old, new}
                    self.put("moving.yaml", route(new))
                    await self.until(answers("moving.e2e.test", new), f"route to {new}")
                    self.allowed, at["route"] = {new}, new
                case 1:
                    # Both servers of the service answer alike; the old one stays up.
                    at["endpoint"] = "a2" if at["endpoint"] == "a1" else "a1"
                    self.put("endpoints-a.yaml", ENDPOINTS.format(name="a", port=ports[at["endpoint"]]))
                case 2:
                    at["certificate"] ^= 1
                    self.put("secret.changes.yaml", secret(at["certificate"]))
                    await self.until(serves(certificates[at["certificate"]][0]), "certificate")
                case 3:
                    host = f"new-{number}.e2e.test"
                    probe[host] = await Connection.open(host)
                    self.put("new.yaml", INGRESS.format(name="new", host=host, tls="", service="b"))
                    await self.until(answers(host, "b"), host)
                    probe.pop(host).writer.close()
            slowest = max(slowest, time.monotonic() - began)
            for task in self.tasks:
                if task.done():
                    task.result()
        self.assertGreater(self.asked, CHANGES)
        print(f"{self.asked} requests during {CHANGES} changes, slowest change {slowest * 1e3:.0f} ms")


if __name__ == "__main__":
    unittest.main()
