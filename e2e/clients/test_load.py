"""wrk and h2load: many requests, none lost."""

import re
import unittest

from place import WEB, WEBSECURE, run


class Wrk(unittest.TestCase):
    def load(self, url):
        out = run("wrk", "-t1", "-c32", "-d2s", url)
        self.assertNotIn("Non-2xx", out)
        self.assertNotIn("Socket errors", out)
        self.assertGreater(int(re.search(r"(\d+) requests in", out)[1]), 100, out)

    def test_loses_nothing_plain(self):
        self.load(f"http://localhost:{WEB}/hello")

    def test_loses_nothing_over_tls(self):
        self.load(f"https://localhost:{WEBSECURE}/bytes/20000")


class H2load(unittest.TestCase):
    def load(self, count, *arguments):
        out = run("h2load", f"-n{count}", "-t1", *arguments)
        self.assertIn(f"{count} succeeded, 0 failed, 0 errored, 0 timeout", out)
        self.assertIn(f"status codes: {count} 2xx", out)

    def test_many_streams_over_tls(self):
        self.load(5000, "-c8", "-m32", f"https://localhost:{WEBSECURE}/hello")

    def test_many_streams_with_prior_knowledge(self):
        self.load(5000, "-c8", "-m32", f"http://localhost:{WEB}/hello")

    def test_large_bodies_share_a_connection(self):
        self.load(64, "-c2", "-m16", f"https://localhost:{WEBSECURE}/bytes/1000000")

    def test_small_windows_only_slow_it_down(self):
        # 2^14 bytes for each stream, the connection's window at its least.
        self.load(32, "-c2", "-m8", "-w14", "-W16", f"https://localhost:{WEBSECURE}/bytes/300000")

    def test_uploads(self):
        self.load(500, "-c4", "-m8", "-d", __file__, f"https://localhost:{WEBSECURE}/request")

    def test_http_1_1_on_both_entry_points(self):
        self.load(2000, "-c8", "--h1", f"http://localhost:{WEB}/hello")
        self.load(2000, "-c8", "--h1", f"https://localhost:{WEBSECURE}/hello")
