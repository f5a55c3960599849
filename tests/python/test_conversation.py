"""The basic conversation: a customer asks, agents answer, and each sees what is meant for them."""

import unittest

from daemon import DaemonTest, kinds, texts


class Conversation(DaemonTest):
    async def test_a_customer_is_served_and_both_sequences_are_without_gaps(self):
        customer = await self.connected(self.daemon.customer("carla"))
        ada, ben = [await self.connected(self.daemon.agent(which)) for which in (0, 1)]
        self.assertNotIn("member", customer.welcome)
        self.assertEqual(ada.welcome["member"], self.daemon.member(0))

        opened = await customer.ask("open")
        conversation = opened["conversation"]
        self.assertEqual(opened, {"is": "opened", "conversation": conversation})
        self.assertEqual(await customer.ask("open"), opened, "it has one conversation")
        at_customer = await customer.follow(conversation)
        before = await at_customer.missed()
        self.assertEqual(kinds(before), ["started", "message"])
        self.assertEqual([event["by"] for event in before], [{"who": "customer"}, {"who": "bot"}])
        self.assertEqual((await customer.post(conversation, "Where is my parcel?"))["seq"], 3)

        _, desk = await ada.subscribe({"topic": "desk"})
        snapshot = await desk.next()
        self.assertEqual(snapshot["t"], "snapshot")
        [row] = snapshot["rows"]
        self.assertEqual((row["conversation"], row["user_key"]), (conversation, "carla"))
        self.assertNotIn("assignee", row)
        online = {agent["name"] for agent in snapshot["agents"] if agent["online"]}
        self.assertEqual(online, {"Ada", "Ben"})

        at_ada = await ada.follow(conversation)
        self.assertEqual(texts(await at_ada.missed())[1:], ["Where is my parcel?"])
        await self.assert_refused(300, ada.post(conversation, "too early"))
        self.assertEqual((await ada.ask("take", conversation=conversation))["seq"], 5)
        refusal = await self.assert_refused(301, ben.ask("take", conversation=conversation))
        self.assertFalse(refusal.error["retryable"])
        self.assertEqual((await ben.ask("join", conversation=conversation))["seq"], 6)
        self.assertNotIn("seq", await ben.ask("join", conversation=conversation), "it was inside already")
        self.assertEqual((await ada.post(conversation, "On its way."))["seq"], 7)
        self.assertEqual((await ben.ask("leave", conversation=conversation))["seq"], 8)

        asked, answered = await at_customer.events_until(4)
        self.assertEqual(texts([asked, answered]), ["Where is my parcel?", "On its way."])
        self.assertEqual(answered["by"], {"who": "agent"}, "a customer is not told which")
        self.assertNotIn("seq", await customer.ask("read", conversation=conversation, up_to=4))
        self.assertEqual((await customer.post(conversation, "Thank you! 감사합니다 🙂"))["seq"], 5)
        await at_ada.cursors_until(customer_read=7, staff_read=0)
        await ada.ask("read", conversation=conversation, up_to=9)
        await at_ada.cursors_until(staff_read=9, unread=0)
        await at_customer.cursors_until(customer_read=4, staff_read=5, unread=0)
        self.assertEqual((await ada.ask("complete", conversation=conversation))["seq"], 10)
        await self.assert_refused(302, ada.ask("complete", conversation=conversation))

        await self.compare_with_the_history(customer, conversation, customers_view())
        await self.compare_with_the_history(ada, conversation, staffs_view(*map(self.daemon.member, (0, 1))))
        for one in (customer, ada, ben):
            self.assertEqual(await one.close(), 0)

    async def compare_with_the_history(self, reader, conversation, wanted):
        """What a new subscription brings is what is wanted, and the history, page by page, is the same."""
        follower = await reader.follow(conversation)
        events = await follower.missed()
        self.assertEqual([(event["by"], event["what"]["kind"]) for event in events], wanted)
        self.assertEqual([event["seq"] for event in events], list(range(1, len(wanted) + 1)))
        times = [event["at"] for event in events]
        self.assertEqual(times, sorted(times))
        pages, before = [], {}
        while True:
            page = await reader.ask("history", conversation=conversation, limit=3, **before)
            pages = page["events"] + pages
            if not page["more"]:
                break
            before = {"before": pages[0]["seq"]}
        self.assertEqual(pages, [{name: event[name] for name in event if name != "t"} for event in events])

    async def test_every_kind_of_content_of_a_customer_arrives_as_it_was_sent(self):
        customer = await self.connected(self.daemon.customer("carla"))
        agent = await self.connected(self.daemon.agent())
        conversation = (await customer.ask("open"))["conversation"]
        posted = [
            {"kind": "media", "type": "image", "uri": "https://example.com/a.png"},
            {"kind": "media", "type": "link", "uri": "tel:+8221234567"},
            {"kind": "location", "title": "City Hall", "latitude": 37.5665, "longitude": 126.978},
            {"kind": "location", "latitude": -90.0, "longitude": 180.0},
        ]
        for content in posted:
            await customer.ask("post", conversation=conversation, content=content)
        events = await (await agent.follow(conversation, 2)).missed()
        self.assertEqual([event["what"]["content"] for event in events], posted)
        press = {"kind": "text", "text": "Press", "buttons": [{"kind": "postback", "label": "x", "payload": "y"}]}
        cards = {"kind": "cards", "cards": [{"title": "x"}]}
        for content in (press, cards):
            await self.assert_refused(308, customer.ask("post", conversation=conversation, content=content))
        hologram = posted[0] | {"type": "hologram"}
        await self.assert_refused(102, customer.ask("post", conversation=conversation, content=hologram))

    async def test_the_list_goes_on_page_by_page(self):
        conversations = []
        for number in range(5):
            customer = await self.connected(self.daemon.customer(f"customer {number}"))
            conversations.append((await customer.ask("open"))["conversation"])
        agent = await self.connected(self.daemon.agent())
        found, cursor = [], {}
        while True:
            page = await agent.ask("list", limit=2, **cursor)
            found += page["rows"]
            if "next" not in page:
                break
            cursor = {"cursor": page["next"]}
        self.assertEqual([row["conversation"] for row in found], conversations[::-1])
        self.assertEqual({row["platform"] for row in found}, {"web"})
        await self.assert_refused(403, agent.ask("list", limit=2, cursor="nonsense"))
        profile = self.daemon.customer("anybody")["profile"]
        of_one = await agent.ask("list", limit=9, filter={"profile": profile})
        self.assertEqual([row["conversation"] for row in of_one["rows"]], conversations[::-1])
        await self.assert_refused(602, agent.ask("list", limit=9, filter={"profile": bytes(16)}))

    async def test_an_agent_sees_how_the_engine_does_and_a_customer_does_not(self):
        agent = await self.connected(self.daemon.agent())
        stages = (await agent.ask("latency"))["stages"]
        self.assertLessEqual({"decided", "commit", "durable", "pushed", "written"}, {one["stage"] for one in stages})
        self.assertEqual(await agent.ask("quarantined"), {"is": "quarantined", "conversations": [], "more": False})
        await self.assert_refused(201, agent.ask("release", conversation=bytes(16)))
        owner = await self.connected(self.daemon.owner())
        await self.assert_refused(306, owner.ask("release", conversation=bytes(16)))
        customer = await self.connected(self.daemon.customer("carla"))
        waiting = {"is": "waiting", "waiting": 0, "estimates": dict.fromkeys(ESTIMATES, 0)}
        self.assertEqual(await agent.ask("waiting"), waiting)
        await self.assert_refused(201, customer.ask("latency"))
        await self.assert_refused(201, customer.ask("waiting"))
        await self.assert_refused(201, customer.ask("list", limit=1))
        await self.assert_refused(201, customer.subscribe({"topic": "desk"}))
        await self.assert_refused(201, agent.ask("open"))


ESTIMATES = ["compared", "told_mean_s", "took_mean_s", "off_mean_s"]


def customers_view():
    agent, bot, customer = {"who": "agent"}, {"who": "bot"}, {"who": "customer"}
    return [(customer, "started"), (bot, "message"), (customer, "message"), (agent, "message"), (customer, "message")]


def staffs_view(ada, ben):
    ada, ben, bot, customer = [
        {"who": "agent", "member": ada},
        {"who": "agent", "member": ben},
        {"who": "bot"},
        {"who": "customer"},
    ]
    return [
        (customer, "started"),
        (bot, "message"),
        (customer, "message"),
        (ada, "assigned"),
        (ada, "entered"),
        (ben, "entered"),
        (ada, "message"),
        (ben, "left"),
        (customer, "message"),
        (ada, "completed"),
    ]


if __name__ == "__main__":
    unittest.main()
