"""A WebSocket server that sends every message back. Prints its address.

A handshake for /refuse is answered 403. The subprotocols `two` and `three` are known. The message
`close` makes the server close with code 4001, `path` is answered with the request's path.
"""

import asyncio
import http
import logging

from websockets.asyncio.server import serve

# The library reports each broken connection, which is just what some tests make.
logging.getLogger("websockets").setLevel(logging.CRITICAL)


async def handle(connection):
    async for message in connection:
        if message == "close":
            await connection.close(4001, "as asked")
        elif message == "path":
            await connection.send(connection.request.path)
        else:
            await connection.send(message)


def check(connection, request):
    if request.path == "/refuse":
        return connection.respond(http.HTTPStatus.FORBIDDEN, "refused\n")
    return None


def choose(_, offered):
    # The library's own choice would refuse a client that offers none.
    return next((name for name in ("two", "three") if name in offered), None)


async def main():
    async with serve(
        handle, "127.0.0.1", 0, process_request=check, select_subprotocol=choose, max_size=None
    ) as server:
        print("%s:%d" % server.sockets[0].getsockname(), flush=True)
        await server.serve_forever()


asyncio.run(main())
