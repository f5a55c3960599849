"""What is said against the rules: each fault has its number, and nobody else notices."""

import ssl
import unittest

from client import Refused, decode, encode, frame
from daemon import DaemonTest
from vectors import lines


class Refusals(DaemonTest):
    async def test_every_malformed_vector_is_refused_with_its_number(self):
        for vector in lines("malformed"):
            with self.subTest(vector["name"]):
                await getattr(self, f"refuses_{vector['as']}")(vector)
        customer = await self.connected(self.daemon.customer("somebody else"))
        await customer.ask("open")

    async def refuses_hello(self, vector):
        connection = await self.daemon.dial()
        connection.write(frame(bytes.fromhex(vector["hex"])))
        close = 3 if vector["error"] in (103, 105, 200) else 2
        await self.ends(connection, vector["error"], close)

    async def refuses_stream(self, vector):
        customer = await self.silent()
        customer.connection.write(bytes.fromhex(vector["hex"]))
        await self.ends(customer.connection, vector["error"], 2)

    async def refuses_request(self, vector):
        customer = await self.silent()
        customer.connection.write(frame(bytes.fromhex(vector["hex"])))
        if "id" not in vector:
            return await self.ends(customer.connection, vector["error"], 2)
        answer = await customer.connection.session.next()
        self.assertEqual((answer["t"], answer["id"]), ("error", vector["id"]))
        self.assertEqual(answer["error"]["number"], vector["error"], answer)
        # The session is as it was.
        customer.connection.write(frame(encode({"id": 99, "n": 1, "do": {"op": "open"}})))
        self.assertEqual((await customer.connection.session.next())["body"]["is"], "opened")
        customer.cut()

    async def silent(self):
        """A client with a session, whose answers the test reads itself."""
        customer = await self.connected(self.daemon.customer("carla"))
        customer.reading.cancel()
        return customer

    async def ends(self, connection, number, close):
        """The last frame is an error without a request, and the connection is closed with the code."""
        last = await connection.session.next()
        self.assertEqual((last["t"], "id" in last), ("error", False), last)
        self.assertEqual(last["error"]["number"], number, last)
        self.assertIsNone(await connection.session.next())
        self.assertEqual(await connection.close_code(), close)

    async def test_a_token_of_nobody_is_refused_for_good(self):
        with self.assertRaises(Refused) as refused:
            await self.connected({"as": "agent", "token": "0123456789abcdef"})
        self.assertEqual((refused.exception.number, refused.exception.close), (200, 3))
        self.assertFalse(refused.exception.error["retryable"])

    async def test_a_server_with_another_certificate_is_not_told_who_one_is(self):
        self.daemon.fingerprint = "ab" * 32
        with self.assertRaises(ssl.SSLCertVerificationError):
            await self.connected(self.daemon.customer("carla"))

    async def test_a_missing_counter_an_unknown_operation_and_a_foreign_conversation_are_refused(self):
        customer = await self.connected(self.daemon.customer("carla"))
        conversation = (await customer.ask("open"))["conversation"]
        uncounted = {"id": 50, "do": {"op": "read", "conversation": conversation, "up_to": 1}}
        await self.assert_refused(104, customer.answer(customer.send(uncounted)))
        await self.assert_refused(102, customer.ask("dance"))
        hologram = {"kind": "hologram", "shape": "cube"}
        await self.assert_refused(102, customer.ask("post", conversation=conversation, content=hologram))
        stranger = await self.connected(self.daemon.customer("a stranger"))
        for foreign in (conversation, bytes(16)):
            await self.assert_refused(202, stranger.post(foreign, "let me in"))
            await self.assert_refused(202, stranger.follow(foreign))
            await self.assert_refused(202, stranger.ask("history", conversation=foreign, limit=1))

    async def test_the_tolerant_vectors_of_a_client_are_taken(self):
        """They stand for what a later client may say: refused or not, they are read."""
        for vector in lines("tolerant"):
            if vector["as"] != "request":
                continue
            customer = await self.silent()
            customer.connection.write(frame(bytes.fromhex(vector["hex"])))
            answer = await customer.connection.session.next()
            self.assertEqual(answer["id"], decode(bytes.fromhex(vector["hex"]))["id"], vector["name"])
            self.assertNotIn(answer.get("error", {}).get("number"), (100, 101), vector["name"])
            customer.cut()

    async def test_more_subscriptions_than_a_session_may_have_are_refused(self):
        customer = await self.connected(self.daemon.customer("carla"))
        conversation = (await customer.ask("open"))["conversation"]
        for _ in range(customer.welcome["limits"]["subscriptions_max"]):
            await customer.follow(conversation)
        await self.assert_refused(402, customer.follow(conversation))


if __name__ == "__main__":
    unittest.main()
