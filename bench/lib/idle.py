"""Opens connections that have made one request each and then only stay open.

Arguments: kind (plain, tls, h2), port, count. Prints `open` when all are answered and idle, then
waits for its standard input to end.
"""

import socket
import ssl
import sys

H1 = b"GET /small HTTP/1.1\r\nHost: localhost\r\n\r\n"


def frame(kind, flags, stream, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def literal(index, value):
    """HPACK: literal without indexing, name from the static table."""
    return bytes([index, len(value)]) + value


# :method GET and :scheme https are whole entries of HPACK's static table (2 and 7).
HEAD = b"\x82\x87" + literal(4, b"/small") + literal(1, b"localhost")
H2 = (
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    + frame(4, 0, 0)  # SETTINGS
    + frame(1, 0x5, 1, HEAD)  # HEADERS with END_STREAM and END_HEADERS
)


def read_h1(s):
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += read(s, 4096)
    head, _, body = answer.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(f"answered {head[:60]!r}")
    length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
    while len(body) < length:
        body += read(s, 4096)


def read_h2(s):
    buffer = b""
    while True:
        while len(buffer) < 9 or len(buffer) < 9 + int.from_bytes(buffer[:3], "big"):
            buffer += read(s, 16384)
        length, kind, flags = int.from_bytes(buffer[:3], "big"), buffer[3], buffer[4]
        stream = int.from_bytes(buffer[5:9], "big")
        payload, buffer = buffer[9 : 9 + length], buffer[9 + length :]
        if kind == 4 and not flags & 1:
            s.sendall(frame(4, 1, 0))  # acknowledges the server's SETTINGS
        # 0x88 is `:status: 200` whole from the static table; a size update (001xxxxx) may precede.
        if kind == 1 and not payload.lstrip(bytes(range(0x20, 0x40))).startswith(b"\x88"):
            raise RuntimeError(f"answered with header block {payload[:20].hex()}")
        if kind in (3, 7):
            raise RuntimeError(f"frame of type {kind} instead of an answer")
        if kind in (0, 1) and stream == 1 and flags & 1:
            return


def read(s, size):
    data = s.recv(size)
    if not data:
        raise RuntimeError("connection closed before the answer was whole")
    return data


def main(kind, port, count):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2" if kind == "h2" else "http/1.1"])
    connections = []
    for _ in range(count):
        s = socket.create_connection(("127.0.0.1", port), 10)
        if kind != "plain":
            s = context.wrap_socket(s, server_hostname="localhost")
        if kind == "h2":
            if s.selected_alpn_protocol() != "h2":
                raise RuntimeError("the proxy did not choose h2")
            s.sendall(H2)
            read_h2(s)
        else:
            s.sendall(H1)
            read_h1(s)
        connections.append(s)
    print("open", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
