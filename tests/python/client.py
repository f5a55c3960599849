"""A small client of the protocol, written from docs/PROTOCOL.md and nothing else.

Owns frames, the session stream, subscriptions, datagrams, and what a client does so that nothing happens twice
and nothing is missed. Must not know how the engine works. Ids are `bytes` of 16, maps are `dict`s.
"""

import asyncio
import collections
import ssl
import struct

import msgpack
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.quic import events
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from cryptography.hazmat.primitives.hashes import SHA256

ALPN = "switchboard/1"
FRAME_BYTES_MAX = 65536
DEPTH_MAX = 32
VERSION = 1

# The operations that change something, and so need a counter.
CHANGES = {"open", "post", "read", "join", "leave", "take", "complete"}

# How long anything may take before a test counts it as failed, in seconds.
WAIT = 15


class ProtocolBroken(Exception):
    """The engine sent what the protocol does not allow."""


class Refused(Exception):
    """The engine refused a request, or with a close code the session."""

    def __init__(self, error, close=None):
        super().__init__(f"{error['number']} {error['name']}: {error['sentence']}")
        self.number = error["number"]
        self.error = error
        self.close = close


class Closed(Exception):
    """The connection has ended."""


def encode(value):
    """The body of a frame, or a datagram."""
    return msgpack.packb(value)


def decode(body):
    """Reads the body of a frame: one whole value, not nested too deeply."""
    try:
        value = msgpack.unpackb(body)
    except ValueError as error:
        raise ProtocolBroken(f"not one MessagePack value: {error}") from error
    if depth(value) > DEPTH_MAX:
        raise ProtocolBroken("nested too deeply")
    return value


def depth(value):
    """How deep maps and arrays nest."""
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth, value), default=0)
    return 0


def frame(body):
    """A body with its length before it."""
    return struct.pack(">I", len(body)) + body


class Frames:
    """A stream from the engine, cut into frames."""

    def __init__(self):
        self.buffer = bytearray()
        self.has_head = False
        self.waiting = asyncio.Queue()

    def push(self, data, ended):
        """Bytes have arrived; after the last frame `None` waits."""
        self.buffer += data
        while len(self.buffer) >= 4:
            (length,) = struct.unpack_from(">I", self.buffer)
            if not 1 <= length <= FRAME_BYTES_MAX:
                raise ProtocolBroken(f"a frame of {length} bytes")
            if len(self.buffer) < 4 + length:
                break
            self.waiting.put_nowait(decode(bytes(self.buffer[4 : 4 + length])))
            del self.buffer[: 4 + length]
        if ended:
            if self.buffer:
                raise ProtocolBroken("the stream ended within a frame")
            self.waiting.put_nowait(None)

    async def next(self):
        """The next frame, or `None` at the end."""
        async with asyncio.timeout(WAIT):
            return await self.waiting.get()


class Connection(QuicConnectionProtocol):
    """One connection: streams and datagrams, without any manners."""

    def __init__(self, quic):
        super().__init__(quic)
        self.session = Frames()
        self.session_stream = None
        self.datagrams = asyncio.Queue()
        self.closed = asyncio.get_running_loop().create_future()
        self.is_cut = False
        self.streams = {}
        # The streams of subscriptions by their numbers, as futures.
        self.heads = collections.defaultdict(asyncio.get_running_loop().create_future)

    @classmethod
    async def open(cls, address, fingerprint):
        """Connects to the server whose certificate has the fingerprint, and opens the session stream."""
        configuration = QuicConfiguration(
            alpn_protocols=[ALPN],
            # The fingerprint is checked instead; the handshake's signature is checked in any case.
            verify_mode=ssl.CERT_NONE,
            server_name="localhost",
            max_datagram_frame_size=1200,
            idle_timeout=20,
            # Larger than the windows of all streams together.
            max_stream_data=64 * 1024,
            max_data=2 * 1024 * 1024,
        )
        loop = asyncio.get_running_loop()
        quic = QuicConnection(configuration=configuration)
        _, connection = await loop.create_datagram_endpoint(lambda: cls(quic), local_addr=("127.0.0.1", 0))
        connection.connect(address)
        async with asyncio.timeout(WAIT):
            await connection.wait_connected()
        if connection.certificate_fingerprint() != fingerprint:
            connection.cut()
            raise ssl.SSLCertVerificationError("the server's certificate has another fingerprint")
        connection.session_stream = quic.get_next_available_stream_id()
        return connection

    def certificate_fingerprint(self):
        """The SHA-256 of the server's certificate. (The library has no public way to it.)"""
        return self._quic.tls._peer_certificate.fingerprint(SHA256()).hex()

    def quic_event_received(self, event):
        if isinstance(event, events.StreamDataReceived):
            if event.stream_id == self.session_stream:
                self.session.push(event.data, event.end_stream)
            else:
                self.push(event)
        elif isinstance(event, events.DatagramFrameReceived):
            self.datagrams.put_nowait(decode(event.data))
        elif isinstance(event, events.ConnectionTerminated):
            if not self.closed.done():
                self.closed.set_result(event.error_code)
            for stream in [self.session, *self.streams.values()]:
                stream.waiting.put_nowait(None)

    def push(self, event):
        """Bytes of a subscription have arrived. A stream's first frame says which one it carries."""
        stream = self.streams.setdefault(event.stream_id, Frames())
        stream.push(event.data, event.end_stream)
        if not stream.has_head and not stream.waiting.empty():
            stream.has_head = True
            self.heads[stream.waiting.get_nowait()["subscription"]].set_result(stream)

    async def subscription(self, number):
        """The stream of a subscription; it may come before or after the answer to the request."""
        async with asyncio.timeout(WAIT):
            return await self.heads[number]

    def write(self, data, end=False):
        """Writes to the session stream."""
        self._quic.send_stream_data(self.session_stream, data, end)
        self.transmit()

    def send_datagram(self, value):
        self._quic.send_datagram_frame(encode(value))
        self.transmit()

    def cut(self):
        """Ends it as a network does: without a word."""
        self.is_cut = True
        self._transport.abort()

    def transmit(self):
        """Sends what is to be sent, unless the connection is cut."""
        if not self.is_cut:
            super().transmit()

    async def close_code(self):
        """The code with which the engine closes the connection."""
        async with asyncio.timeout(WAIT):
            return await asyncio.shield(self.closed)


class Client:
    """One run of a client program: an instance with its counters, over all its connections."""

    def __init__(self, daemon, credentials):
        self.daemon = daemon
        self.credentials = credentials
        self.instance = None
        self.welcome = None
        self.connection = None
        self.next_n = 1
        self.next_id = 1
        self.next_subscription = 1
        # Requests without an answer, in the order of asking: their futures by their maps.
        self.unanswered = {}
        self.goodbye = None
        self.reading = None

    async def connect(self):
        """Opens a session, as the same instance as before, and sends again what has no answer."""
        previous = self.welcome and self.welcome["session"]
        self.connection = await self.daemon.dial()
        hello = {"protocol": VERSION, "credentials": self.credentials}
        if self.instance is not None:
            hello |= {"instance": self.instance, "resume": previous}
        self.connection.write(frame(encode(hello)))
        first = await self.connection.session.next()
        if first is None:
            raise Closed(await self.connection.close_code())
        if first["t"] == "error":
            raise Refused(first["error"], await self.connection.close_code())
        if first["t"] != "welcome":
            raise ProtocolBroken(f"no welcome: {first}")
        self.welcome = first
        self.instance = first["instance"]
        self.next_subscription = 1
        self.reading = asyncio.create_task(self.read_answers(self.connection))
        for request in [entry["request"] for entry in self.unanswered.values()]:
            self.connection.write(frame(encode(request)))
        return self

    async def read_answers(self, connection):
        while (answer := await connection.session.waiting.get()) is not None:
            if answer["t"] == "goodbye":
                self.goodbye = answer
            elif answer["t"] in ("reply", "error") and "id" in answer:
                entry = self.unanswered.pop(answer["id"], None)
                if entry is None:
                    raise ProtocolBroken(f"an answer to nothing: {answer}")
                if answer["t"] == "reply":
                    entry["future"].set_result(answer["body"])
                else:
                    entry["future"].set_exception(Refused(answer["error"]))

    def begin(self, op, **fields):
        """Sends a request; its answer is awaited with `answer`. Nobody checks the window: tests ask little."""
        request = {"id": self.next_id}
        self.next_id += 1
        if op in CHANGES:
            request["n"] = self.next_n
            self.next_n += 1
        request["do"] = {"op": op, **fields}
        return self.send(request)

    def send(self, request):
        """Sends a request as it stands."""
        future = asyncio.get_running_loop().create_future()
        self.unanswered[request["id"]] = {"request": request, "future": future}
        self.connection.write(frame(encode(request)))
        return future

    async def answer(self, future):
        async with asyncio.timeout(WAIT):
            return await asyncio.shield(future)

    async def ask(self, op, **fields):
        """Sends a request and returns the body of its answer, or raises `Refused`."""
        return await self.answer(self.begin(op, **fields))

    async def subscribe(self, topic):
        """Follows a topic; returns its number and the stream of its frames."""
        number = self.next_subscription
        self.next_subscription += 1
        answer = await self.ask("subscribe", subscription=number, topic=topic)
        if answer != {"is": "subscribed", "subscription": number}:
            raise ProtocolBroken(f"not subscribed: {answer}")
        return number, await self.connection.subscription(number)

    async def follow(self, conversation, after=0):
        """Follows a conversation from after an event."""
        topic = {"topic": "conversation", "conversation": conversation, "after": after}
        _, stream = await self.subscribe(topic)
        return Follower(stream, after)

    async def post(self, conversation, text):
        return await self.ask("post", conversation=conversation, content={"kind": "text", "text": text})

    def cut(self):
        """The network fails."""
        self.connection.cut()
        self.reading.cancel()

    async def close(self):
        """Says goodbye, and takes the answers that are still under way."""
        self.connection.write(b"", end=True)
        return await self.connection.close_code()


class Follower:
    """A reader of one conversation: each event once, without a gap."""

    def __init__(self, stream, after):
        self.stream = stream
        self.last = after
        self.cursors = None
        self.caught_up_at = None

    async def frame(self):
        """The next frame. An event must be the next one."""
        frame = await self.stream.next()
        if frame is None:
            raise Closed("the stream has ended")
        if frame["t"] == "event":
            if frame["seq"] != self.last + 1:
                raise ProtocolBroken(f"event {frame['seq']} came after {self.last}")
            self.last = frame["seq"]
        elif frame["t"] == "cursors":
            self.cursors = {name: value for name, value in frame.items() if name != "t"}
        elif frame["t"] == "caught_up":
            if frame["seq"] != self.last:
                raise ProtocolBroken(f"caught up at {frame['seq']} after event {self.last}")
            self.caught_up_at = frame["seq"]
        elif frame["t"] == "ended":
            raise Refused(frame["error"])
        return frame

    async def missed(self):
        """Everything that was there when the subscription began."""
        found = []
        while self.caught_up_at is None:
            frame = await self.frame()
            if frame["t"] == "event":
                found.append(frame)
        return found

    async def events_until(self, seq):
        """The events that come, up to the one with this number."""
        found = []
        while self.last < seq:
            frame = await self.frame()
            if frame["t"] == "event":
                found.append(frame)
        return found

    async def cursors_until(self, **wanted):
        """Waits for cursors with these values."""
        while self.cursors is None or any(self.cursors[name] != value for name, value in wanted.items()):
            await self.frame()
        return self.cursors
