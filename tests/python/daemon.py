"""A daemon in a folder of its own.

Owns its start, its ends, and that it is gone when the test is. It keeps the port of its first start, so that
clients find it again. Must not know what is said to it.
"""

import asyncio
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import time
import unittest
import uuid

import client

# How long a start or a stop may take, in seconds.
WAIT = 30

PROGRAM = os.environ.get("SWITCHBOARD_PROGRAM", "target/release/switchboard")


class Daemon:
    """A daemon: running, or to be started."""

    def __init__(self):
        self.home = tempfile.TemporaryDirectory(prefix="switchboard-")
        folder = pathlib.Path(self.home.name)
        (folder / "run").mkdir(mode=0o700)
        self.data, self.ready_file, self.trace = folder / "data", folder / "ready.json", folder / "trace"
        self.listen = "127.0.0.1:0"
        self.process = None
        self.demo = None
        self.connections = []

    def start(self):
        """Starts it, and waits until clients can connect."""
        self.ready_file.unlink(missing_ok=True)
        environment = {"XDG_RUNTIME_DIR": f"{self.home.name}/run", "SWITCHBOARD__STOP__DRAIN_MS": "1000"}
        command = [os.path.abspath(PROGRAM), "serve", "--data", self.data, "--listen", self.listen]
        with self.trace.open("ab") as trace:
            self.process = subprocess.Popen(
                [*command, "--ready-file", self.ready_file],
                env=environment,
                cwd=self.home.name,
                stdout=subprocess.DEVNULL,
                stderr=trace,
            )
        self.wait_for_the_ready_file()
        ready = json.loads(self.ready_file.read_text())
        host, port = ready["addresses"][0].rsplit(":", 1)
        self.listen, self.address = ready["addresses"][0], (host, int(port))
        self.fingerprint = ready["fingerprint"]
        self.demo = self.demo or ready["demo"]

    def wait_for_the_ready_file(self):
        deadline = time.monotonic() + WAIT
        while not self.ready_file.exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the daemon is not ready:\n{self.trace.read_text()[-4000:]}")
            time.sleep(0.01)

    async def dial(self):
        """A new connection, on which nothing has been said."""
        connection = await client.Connection.open(self.address, self.fingerprint)
        self.connections.append(connection)
        return connection

    def kill(self):
        """As `kill -9` does."""
        self.process.kill()
        self.process.wait(WAIT)

    def ask_to_stop(self):
        """As SIGTERM does."""
        self.process.send_signal(signal.SIGTERM)

    def close(self):
        """Leaves nothing behind."""
        if self.process is not None and self.process.poll() is None:
            self.kill()
        self.home.cleanup()

    def customer(self, user_key):
        """The credentials of a customer of the demo's profile."""
        return {"as": "customer", "profile": uuid.UUID(self.demo["profile"]).bytes, "user_key": user_key}

    def agent(self, which=0):
        """The credentials of one of the demo's agents."""
        return {"as": "agent", "token": self.demo["agents"][which]["token"]}

    def owner(self):
        """The credentials of the demo's owner."""
        return {"as": "agent", "token": self.demo["owner"]["token"]}

    def member(self, which=0):
        """The id of one of the demo's agents."""
        return uuid.UUID(self.demo["agents"][which]["member"]).bytes


class DaemonTest(unittest.IsolatedAsyncioTestCase):
    """A test with a daemon of its own."""

    def setUp(self):
        self.daemon = Daemon()
        self.addCleanup(self.daemon.close)
        self.daemon.start()

    async def asyncSetUp(self):
        # A busy machine is no finding.
        asyncio.get_running_loop().slow_callback_duration = WAIT

    async def asyncTearDown(self):
        for connection in self.daemon.connections:
            connection.cut()

    async def started(self):
        """Starts the daemon again."""
        await asyncio.to_thread(self.daemon.start)

    async def connected(self, credentials):
        """A client with a session."""
        return await client.Client(self.daemon, credentials).connect()

    async def assert_refused(self, number, asked):
        """Awaits something that is refused with this number, and returns the refusal."""
        with self.assertRaises(client.Refused) as refused:
            await asked
        self.assertEqual(refused.exception.number, number, refused.exception)
        return refused.exception

    async def stopped(self):
        """Waits for the daemon's end, and returns its exit code."""
        return await asyncio.to_thread(self.daemon.process.wait, WAIT)


def texts(events):
    """What the messages among these events say."""
    messages = [event["what"]["content"] for event in events if event["what"]["kind"] == "message"]
    return [content["text"] for content in messages]


def kinds(events):
    """What kind of event each is."""
    return [event["what"]["kind"] for event in events]
