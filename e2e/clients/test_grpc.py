import queue
import unittest
import uuid
from pathlib import Path

import grpc
from place import CA, WEB, WEBSECURE

HOST = "grpc.e2e.test"
OPTIONS = [
    ("grpc.default_authority", HOST),
    ("grpc.enable_http_proxy", 0),
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
]
DEADLINE = 20


def channels():
    yield grpc.insecure_channel(f"ipv4:127.0.0.1:{WEB}", OPTIONS)
    credentials = grpc.ssl_channel_credentials(Path(CA).read_bytes())
    yield grpc.secure_channel(
        f"ipv4:127.0.0.1:{WEBSECURE}", credentials, [*OPTIONS, ("grpc.ssl_target_name_override", HOST)]
    )


class Grpc(unittest.TestCase):
    def each(self):
        for channel in channels():
            with channel:
                yield channel

    def test_unary_with_metadata_both_ways(self):
        for channel in self.each():
            answer, call = channel.unary_unary("/e2e.Echo/Unary").with_call(
                b"hello", timeout=DEADLINE, metadata=[("x-sent", "there")]
            )
            self.assertEqual(answer, b"hello")
            self.assertEqual(dict(call.initial_metadata())["x-initial"], "there")
            self.assertEqual(dict(call.trailing_metadata())["x-trailing-bin"], b"\x00\xff")

    def test_messages_of_megabytes(self):
        for channel in self.each():
            message = bytes(range(256)) * 32768
            self.assertEqual(channel.unary_unary("/e2e.Echo/Unary")(message, timeout=DEADLINE), message)

    def test_server_stream(self):
        for channel in self.each():
            answers = list(channel.unary_stream("/e2e.Echo/ServerStream")(b"x" * 1000, timeout=DEADLINE))
            self.assertEqual(answers, [b"x" * 1000] * 1000)

    def test_client_stream(self):
        for channel in self.each():
            messages = [b"%d," % i for i in range(1000)]
            answer = channel.stream_unary("/e2e.Echo/ClientStream")(iter(messages), timeout=DEADLINE)
            self.assertEqual(answer, b"".join(messages))

    def test_both_sides_talk_in_turn(self):
        for channel in self.each():
            outgoing = queue.Queue()
            answers = channel.stream_stream("/e2e.Echo/Bidi")(iter(outgoing.get, None), timeout=DEADLINE)
            for i in range(50):
                # The next message goes out only when the last one has come back.
                outgoing.put(b"%d" % i)
                self.assertEqual(next(answers), b"%d" % i)
            outgoing.put(None)
            self.assertEqual(list(answers), [])

    def test_an_error_keeps_code_details_and_trailers(self):
        for channel in self.each():
            with self.assertRaises(grpc.RpcError) as caught:
                channel.unary_unary("/e2e.Echo/Fail")(b"cake", timeout=DEADLINE)
            error = caught.exception
            self.assertEqual((error.code(), error.details()), (grpc.StatusCode.NOT_FOUND, "no cake here"))
            self.assertEqual(dict(error.trailing_metadata())["x-why"], "gone")

    def test_an_unknown_method_is_unimplemented(self):
        for channel in self.each():
            with self.assertRaises(grpc.RpcError) as caught:
                channel.unary_unary("/e2e.Echo/Nothing")(b"", timeout=DEADLINE)
            self.assertEqual(caught.exception.code(), grpc.StatusCode.UNIMPLEMENTED)

    def test_cancelling_reaches_the_server(self):
        for channel in self.each():
            key = uuid.uuid4().bytes
            call = channel.unary_stream("/e2e.Echo/Hang")(key, timeout=DEADLINE)
            self.assertEqual(next(call), b"started")
            call.cancel()
            self.assertEqual(channel.unary_unary("/e2e.Echo/WaitCancelled")(key, timeout=DEADLINE), b"yes")

    def test_a_deadline_ends_the_call_on_both_sides(self):
        for channel in self.each():
            key = uuid.uuid4().bytes
            with self.assertRaises(grpc.RpcError) as caught:
                list(channel.unary_stream("/e2e.Echo/Hang")(key, timeout=0.5))
            self.assertEqual(caught.exception.code(), grpc.StatusCode.DEADLINE_EXCEEDED)
            self.assertEqual(channel.unary_unary("/e2e.Echo/WaitCancelled")(key, timeout=DEADLINE), b"yes")

    def test_many_calls_share_a_connection(self):
        for channel in self.each():
            echo = channel.unary_unary("/e2e.Echo/Unary")
            calls = [echo.future(b"%d" % i, timeout=DEADLINE) for i in range(300)]
            self.assertEqual([call.result() for call in calls], [b"%d" % i for i in range(300)])
