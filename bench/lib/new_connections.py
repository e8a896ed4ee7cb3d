"""Load of new TLS connections: each request on a connection of its own, no session resumed.

Arguments: port, seconds, threads. Prints one line of JSON.
"""

import json
import socket
import ssl
import sys
import threading
import time

REQUEST = b"GET /small HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def main(port, seconds, threads):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    micros, errors = [], []
    started = time.monotonic()

    def one():
        with socket.create_connection(("127.0.0.1", port), 10) as plain:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with context.wrap_socket(plain, server_hostname="localhost") as s:
                if s.session_reused:
                    raise RuntimeError("session reused")
                s.sendall(REQUEST)
                answer = b""
                while chunk := s.recv(4096):
                    answer += chunk
        if not answer.startswith(b"HTTP/1.1 200") or b"\r\n\r\nabc" not in answer:
            raise RuntimeError("wrong answer")

    def worker():
        while (begin := time.monotonic()) - started < seconds:
            try:
                one()
            except (OSError, RuntimeError) as error:
                errors.append(str(error))
            micros.append((time.monotonic() - begin) * 1e6)

    pool = [threading.Thread(target=worker) for _ in range(threads)]
    for thread in pool:
        thread.start()
    for thread in pool:
        thread.join()
    elapsed = time.monotonic() - started
    micros.sort()
    at = lambda share: micros[min(int(len(micros) * share), len(micros) - 1)]
    if errors:
        print(errors[0], file=sys.stderr)
    result = {"requests": len(micros), "seconds": elapsed, "errors": len(errors)}
    print(json.dumps(result | {"p50_us": at(0.5), "p99_us": at(0.99)}))


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]))
