"""Typing: datagrams, which may be lost."""

import asyncio
import unittest

from daemon import DaemonTest


class Typing(DaemonTest):
    async def test_typing_reaches_the_other_side_in_its_own_sequence(self):
        customer = await self.connected(self.daemon.customer("carla"))
        agent = await self.connected(self.daemon.agent())
        conversation = (await customer.ask("open"))["conversation"]
        await agent.ask("take", conversation=conversation)
        for one in (customer, agent):
            follower = await one.follow(conversation)
            await follower.missed()
        typing = {"conversation": conversation, "after_seq": 2, "expires_ms": 60_000}
        seen = await self.until_seen(customer, agent, typing)
        self.assertEqual(seen, typing | {"by": {"who": "customer"}, "after_seq": 4, "expires_ms": 10_000})
        typing = {"conversation": conversation, "after_seq": 4, "expires_ms": 5_000}
        seen = await self.until_seen(agent, customer, typing)
        self.assertEqual(seen, typing | {"by": {"who": "agent"}, "after_seq": 2})

    async def test_an_agent_who_has_not_entered_is_not_shown_typing_and_nonsense_is_dropped(self):
        customer = await self.connected(self.daemon.customer("carla"))
        ada, ben = [await self.connected(self.daemon.agent(which)) for which in (0, 1)]
        conversation = (await customer.ask("open"))["conversation"]
        await ben.ask("join", conversation=conversation)
        for one in (customer, ada, ben):
            follower = await one.follow(conversation)
            await follower.missed()
        typing = {"conversation": conversation, "after_seq": 3}
        ada.connection.send_datagram(typing | {"expires_ms": 1_000})
        ben.connection.send_datagram({"nonsense": True})
        seen = await self.until_seen(ben, customer, typing | {"expires_ms": 2_000})
        self.assertEqual(seen["expires_ms"], 2_000)

    async def until_seen(self, typist, reader, typing):
        """Types until it is seen: a datagram may be lost."""
        for _ in range(20):
            typist.connection.send_datagram(typing)
            try:
                async with asyncio.timeout(0.5):
                    return await reader.connection.datagrams.get()
            except TimeoutError:
                continue
        raise AssertionError("nobody saw it")


if __name__ == "__main__":
    unittest.main()
