"""A gRPC server without generated code: messages are bytes. Prints its address.

Service `e2e.Echo`: Unary, ServerStream (the message once for each of its bytes), ClientStream (all
joined), Bidi (each sent back), Fail (NOT_FOUND with details and trailers), Hang (until cancelled),
WaitCancelled (until the Hang of that message is cancelled).
"""

import threading
from concurrent import futures

import grpc

cancelled = {}
lock = threading.Lock()


def event(key):
    with lock:
        return cancelled.setdefault(key, threading.Event())


def unary(message, context):
    metadata = dict(context.invocation_metadata())
    context.send_initial_metadata([("x-initial", metadata.get("x-sent", ""))])
    context.set_trailing_metadata([("x-trailing-bin", b"\x00\xff")])
    return message


def server_stream(message, _):
    for _ in message:
        yield message


def client_stream(messages, _):
    return b"".join(messages)


def bidi(messages, _):
    yield from messages


def fail(message, context):
    context.set_trailing_metadata([("x-why", "gone")])
    context.abort(grpc.StatusCode.NOT_FOUND, f"no {message.decode()} here")


def hang(message, context):
    context.add_callback(event(message).set)
    # The first message tells the client that the call has arrived.
    yield b"started"
    event(message).wait(30)


def wait_cancelled(message, _):
    return b"yes" if event(message).wait(10) else b"no"


handlers = grpc.method_handlers_generic_handler(
    "e2e.Echo",
    {
        "Unary": grpc.unary_unary_rpc_method_handler(unary),
        "ServerStream": grpc.unary_stream_rpc_method_handler(server_stream),
        "ClientStream": grpc.stream_unary_rpc_method_handler(client_stream),
        "Bidi": grpc.stream_stream_rpc_method_handler(bidi),
        "Fail": grpc.unary_unary_rpc_method_handler(fail),
        "Hang": grpc.unary_stream_rpc_method_handler(hang),
        "WaitCancelled": grpc.unary_unary_rpc_method_handler(wait_cancelled),
    },
)
server = grpc.server(
    futures.ThreadPoolExecutor(32),
    options=[("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)],
)
server.add_generic_rpc_handlers((handlers,))
port = server.add_insecure_port("127.0.0.1:0")
server.start()
print(f"127.0.0.1:{port}", flush=True)
server.wait_for_termination()
