"""Coming back: after a cut, after a kill of the daemon, after a stop. Nothing twice, nothing missed."""

import unittest

import client
from daemon import DaemonTest, texts


class Resume(DaemonTest):
    async def test_what_is_sent_again_is_answered_as_it_was_and_only_what_was_missed_comes(self):
        customer = await self.connected(self.daemon.customer("carla"))
        conversation = (await customer.ask("open"))["conversation"]
        follower = await customer.follow(conversation)
        await follower.missed()
        original = await customer.post(conversation, "once")
        await follower.events_until(original["seq"])
        counter = customer.next_n - 1
        # Nobody waits for this answer: whether it was done is not known.
        unknown = customer.begin("post", conversation=conversation, content={"kind": "text", "text": "cut off"})
        customer.cut()

        agent = await self.connected(self.daemon.agent())
        await agent.ask("take", conversation=conversation)
        for text in ("one", "two"):
            await agent.post(conversation, text)
        self.daemon.kill()
        await self.started()
        await agent.connect()
        await agent.post(conversation, "three")

        instance = customer.instance
        await customer.connect()
        self.assertEqual(customer.welcome["instance"], instance)
        cut_off = await customer.answer(unknown)
        again = {"op": "post", "conversation": conversation, "content": {"kind": "text", "text": "once"}}
        repeated = await customer.answer(customer.send({"id": 1_000, "n": counter, "do": again}))
        self.assertEqual(repeated, original)

        resumed = await customer.follow(conversation, follower.last)
        missed = await resumed.missed()
        self.assertEqual([event["seq"] for event in missed], [4, 5, 6, 7])
        self.assertEqual(sorted(texts(missed)), ["cut off", "one", "three", "two"])
        [place] = [event["seq"] for event in missed if texts([event]) == ["cut off"]]
        self.assertEqual(cut_off["seq"], place)
        self.assertEqual([text for text in texts(missed) if text != "cut off"], ["one", "two", "three"])
        self.assertEqual((await customer.post(conversation, "live again"))["seq"], 8)
        self.assertEqual(texts(await resumed.events_until(8)), ["live again"])

    async def test_counters_are_remembered_as_long_as_is_said(self):
        customer = await self.connected(self.daemon.customer("carla"))
        conversation = (await customer.ask("open"))["conversation"]
        post = {"op": "post", "conversation": conversation, "content": {"kind": "text", "text": "first"}}
        too_long = post | {"content": {"kind": "text", "text": "x" * 1_001}}
        ids = iter(range(1_000, 2_000))

        async def send(n, do):
            return await customer.answer(customer.send({"id": next(ids), "n": n, "do": do}))

        first = await send(2, post)
        await self.assert_refused(303, send(3, too_long))
        self.assertEqual((await send(3, post))["seq"], first["seq"] + 1, "what was refused may be tried again")
        await self.assert_refused(303, send(4, too_long))
        await send(5, post)
        await self.assert_refused(107, send(4, post))
        self.assertEqual(await send(2, post), first)
        # With the open these are 32 and more answers, of which the oldest go first.
        for n in range(6, 36):
            await send(n, post)
        self.assertEqual(await send(2, post), {"is": "already_accepted"})
        history = await customer.ask("history", conversation=conversation, limit=200)
        self.assertEqual(len(texts(history["events"])), 1 + 2 + 1 + 30, "the greeting, and each post once")

    async def test_a_window_full_of_posts_is_done_once_and_in_order_over_a_kill(self):
        customer = await self.connected(self.daemon.customer("carla"))
        conversation = (await customer.ask("open"))["conversation"]
        said = [f"post {number}" for number in range(customer.welcome["limits"]["unanswered_requests_max"])]
        answers = [
            customer.begin("post", conversation=conversation, content={"kind": "text", "text": text})
            for text in said
        ]
        # Some are answered, some are done, some never arrived; the client cannot know more than the first.
        await customer.answer(answers[0])
        self.daemon.kill()
        customer.cut()
        await self.started()
        await customer.connect()
        seqs = [(await customer.answer(answer))["seq"] for answer in answers]
        self.assertEqual(seqs, list(range(3, 3 + len(said))))
        follower = await customer.follow(conversation, 2)
        self.assertEqual(texts(await follower.missed()), said)

    async def test_an_instance_that_may_be_forgotten_is_refused_and_a_new_one_is_not(self):
        first = await self.connected(self.daemon.customer("carla"))
        conversation = (await first.ask("open"))["conversation"]
        for number in range(16):
            another = await self.connected(self.daemon.customer("carla"))
            await another.post(conversation, f"from tab {number}")
        await self.assert_refused(105, first.post(conversation, "do you know me?"))
        anew = await self.connected(self.daemon.customer("carla"))
        self.assertEqual((await anew.post(conversation, "I am new"))["seq"], 2 + 16 + 1)

    async def test_an_instance_has_one_session_and_the_later_one_has_it(self):
        customer = await self.connected(self.daemon.customer("carla"))
        first = customer.connection
        await customer.connect()
        self.assertEqual(await first.close_code(), 4)
        other = await self.connected(self.daemon.customer("carla"))
        self.assertNotEqual(other.instance, customer.instance)
        self.assertEqual(await other.ask("open"), await customer.ask("open"), "it is the same customer")

    async def test_a_daemon_that_stops_says_goodbye_and_when_to_come_back(self):
        customer = await self.connected(self.daemon.customer("carla"))
        conversation = (await customer.ask("open"))["conversation"]
        posted = await customer.post(conversation, "before the stop")
        self.daemon.ask_to_stop()
        self.assertEqual(await customer.connection.close_code(), 1)
        await customer.reading
        self.assertEqual(customer.goodbye["close"], 1)
        self.assertLess(customer.goodbye["reconnect_after_ms"], 60_000)
        self.assertEqual(await self.stopped(), 0)
        await self.started()
        await customer.connect()
        follower = await customer.follow(conversation, posted["seq"])
        self.assertEqual(await follower.missed(), [])

    async def test_a_subscription_ends_when_it_is_told_to_and_begins_only_where_events_are(self):
        customer = await self.connected(self.daemon.customer("carla"))
        conversation = (await customer.ask("open"))["conversation"]
        topic = {"topic": "conversation", "conversation": conversation, "after": 0}
        number, stream = await customer.subscribe(topic)
        follower = client.Follower(stream, 0)
        await follower.missed()
        taken = customer.ask("subscribe", subscription=number, topic=topic)
        await self.assert_refused(400, taken)
        self.assertEqual(await customer.ask("unsubscribe", subscription=number), {"is": "unsubscribed"})

        async def until_it_ends():
            while True:
                await follower.frame()

        ended = await self.assert_refused(404, until_it_ends())
        self.assertTrue(ended.error["retryable"])
        self.assertIsNone(await stream.next(), "nothing follows")
        await self.assert_refused(401, customer.ask("unsubscribe", subscription=number))
        await self.assert_refused(304, customer.follow(conversation, 1_000))


if __name__ == "__main__":
    unittest.main()
