import asyncio
import os
import ssl
import unittest

import websockets
from place import CA, WEB, WEBSECURE
from websockets.asyncio.client import connect


def ways():
    """The keyword arguments of each way to the server."""
    yield {"uri": "ws://ws.e2e.test", "port": WEB}
    yield {"uri": "wss://ws.e2e.test", "port": WEBSECURE, "ssl": ssl.create_default_context(cafile=CA)}


def open_(way, path="/", **kwargs):
    way = dict(way)
    return connect(way.pop("uri") + path, host="127.0.0.1", proxy=None, max_size=None, **way, **kwargs)


class WebSockets(unittest.IsolatedAsyncioTestCase):
    async def test_messages_of_all_sizes_come_back(self):
        for way in ways():
            async with open_(way) as socket:
                for message in ("", "text ü", b"", os.urandom(125), os.urandom(65536), os.urandom(4 << 20)):
                    await socket.send(message)
                    self.assertEqual(await socket.recv(), message)

    async def test_fragments_ping_and_pong_pass(self):
        for way in ways():
            async with open_(way) as socket:
                await socket.send(["one ", "two ", "three"])
                self.assertEqual(await socket.recv(), "one two three")
                await (await socket.ping())

    async def test_the_path_with_its_query_arrives(self):
        for way in ways():
            async with open_(way, "/chat/room%20one?x=1&y") as socket:
                await socket.send("path")
                self.assertEqual(await socket.recv(), "/chat/room%20one?x=1&y")

    async def test_the_subprotocol_is_the_servers_choice(self):
        for way in ways():
            async with open_(way, subprotocols=["one", "two"]) as socket:
                self.assertEqual(socket.subprotocol, "two")

    async def test_the_close_code_reaches_the_client(self):
        for way in ways():
            async with open_(way) as socket:
                await socket.send("close")
                with self.assertRaises(websockets.ConnectionClosed) as caught:
                    await socket.recv()
                self.assertEqual((caught.exception.rcvd.code, caught.exception.rcvd.reason), (4001, "as asked"))

    async def test_a_refused_handshake_keeps_its_answer(self):
        for way in ways():
            with self.assertRaises(websockets.InvalidStatus) as caught:
                async with open_(way, "/refuse"):
                    pass
            self.assertEqual((caught.exception.response.status_code, caught.exception.response.body), (403, b"refused\n"))

    async def test_many_sockets_at_once(self):
        async def one(way, number):
            async with open_(way) as socket:
                for i in range(20):
                    await socket.send(f"{number} {i}")
                    self.assertEqual(await socket.recv(), f"{number} {i}")

        for way in ways():
            await asyncio.gather(*(one(way, number) for number in range(50)))
