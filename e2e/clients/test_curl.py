import json
import subprocess
import tempfile
import unittest

from place import CA, WEB, WEBSECURE, run

FACTS = "%{stderr}%{json}"


def curl(*arguments, url):
    """The facts of the transfer and the body."""
    done = subprocess.run(
        [
            "curl", "--silent", "--show-error", "--max-time", "20", "--cacert", CA, "--write-out", FACTS,
            "--connect-to", f"::127.0.0.1:{WEBSECURE if url.startswith('https') else WEB}",
            *arguments, url,
        ],
        capture_output=True,
    )
    if done.returncode != 0:
        raise AssertionError(f"curl ended with code {done.returncode}: {done.stderr.decode()[:500]}")
    return json.loads(done.stderr), done.stdout


class Curl(unittest.TestCase):
    def test_answers_by_http_1_1_and_1_0(self):
        for option in ("--http1.1", "--http1.0"):
            facts, body = curl(option, url="http://web.e2e.test/hello")
            self.assertEqual((facts["http_code"], body), (200, b"hello\n"))
            # RFC 9110 §2.5 allows either version in the answer to an HTTP/1.0 request.
            self.assertIn(facts["http_version"], ("1.1", "1.0", "1"))

    def test_answers_by_h2_with_tls_and_with_prior_knowledge(self):
        facts, body = curl("--http2", url="https://web.e2e.test/hello")
        self.assertEqual((facts["http_code"], facts["http_version"], body), (200, "2", b"hello\n"))
        facts, body = curl("--http2-prior-knowledge", url="http://web.e2e.test/hello")
        self.assertEqual((facts["http_code"], facts["http_version"], body), (200, "2", b"hello\n"))

    def test_an_offer_to_upgrade_to_h2c_is_passed_over(self):
        facts, body = curl("--http2", url="http://web.e2e.test/hello")
        self.assertEqual((facts["http_code"], facts["http_version"], body), (200, "1.1", b"hello\n"))

    def test_serves_its_certificate_by_tls_1_2_and_1_3(self):
        for version in ("1.2", "1.3"):
            facts, _ = curl("--tlsv" + version, "--tls-max", version, url="https://web.e2e.test/hello")
            self.assertEqual((facts["http_code"], facts["ssl_verify_result"]), (200, 0))

    def test_an_unknown_host_is_404_and_no_backend_sees_it(self):
        facts, body = curl(url="http://nobody.e2e.test/hello")
        self.assertEqual((facts["http_code"], body), (404, b"404 page not found\n"))

    def test_a_large_upload_with_expect_comes_back(self):
        with tempfile.NamedTemporaryFile() as file:
            file.write(bytes(range(256)) * 16384)
            file.flush()
            for url in ("http://web.e2e.test/echo", "https://h2c.e2e.test/echo"):
                facts, body = curl("--data-binary", f"@{file.name}", "-H", "Expect: 100-continue", url=url)
                self.assertEqual((facts["http_code"], len(body)), (200, 4 << 20))
                self.assertEqual(body, bytes(range(256)) * 16384)

    def test_a_chunked_upload_has_no_length_at_the_backend(self):
        _, body = curl(
            "--http1.1", "-H", "Transfer-Encoding: chunked", "--data-binary", "abc", url="http://web.e2e.test/request"
        )
        seen = json.loads(body)
        self.assertEqual((seen["length"], seen["bytes"]), (-1, 3))

    def test_head_has_headers_only(self):
        facts, body = curl("--head", url="http://web.e2e.test/bytes/123")
        self.assertEqual(facts["http_code"], 200)
        self.assertIn(b"content-length: 123\r\n", body.lower())

    def test_one_connection_carries_many_requests(self):
        out = run(
            "curl", "-sS", "--connect-to", f"::127.0.0.1:{WEB}", "-w", "%{num_connects}\n", "-o", "/dev/null",
            "http://web.e2e.test/bytes/[1-20]",
        )
        self.assertEqual(out.split(), ["1"] + ["0"] * 19)

    def test_hop_by_hop_headers_end_at_the_proxy(self):
        _, body = curl(
            "-H", "Connection: X-Mine", "-H", "X-Mine: 1", "-H", "Keep-Alive: 5", "-H", "X-Kept: 1",
            url="http://web.e2e.test/request",
        )
        headers = json.loads(body)["headers"]
        self.assertEqual(headers["X-Kept"], ["1"])
        self.assertNotIn("X-Mine", headers)
        self.assertNotIn("Keep-Alive", headers)

    def test_a_client_cannot_say_where_it_comes_from(self):
        _, body = curl(
            "-H", "X-Forwarded-For: 1.2.3.4", "-H", "X-Forwarded-Proto: https", "-H", "X-Real-Ip: 1.2.3.4",
            url="http://web.e2e.test/request",
        )
        headers = json.loads(body)["headers"]
        self.assertEqual(headers["X-Forwarded-For"], ["127.0.0.1"])
        self.assertEqual(headers["X-Forwarded-Proto"], ["http"])
        self.assertEqual(headers["X-Real-Ip"], ["127.0.0.1"])

    def test_an_unreachable_backend_is_502(self):
        facts, _ = curl(url="http://dead.e2e.test/")
        self.assertEqual(facts["http_code"], 502)
