"""Everything is killed at once, at any moment, and nothing is lost."""

import asyncio
import contextlib
import os
import signal

import pytest

from tests.support.clients import Agent, Customer, log_in
from tests.support.product import Product


@pytest.fixture(scope="module")
def doomed(tmp_path_factory):
    """A product of its own, which is killed again and again."""
    running = Product(tmp_path_factory.mktemp("doomed") / "data")
    running.start()
    running.add_staff("lin")
    yield running
    running.stop()


def kill_everything(product: Product) -> None:
    pids = product.pids()
    product.kill()
    for pid in pids.values():
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue  # it died with its parent


async def test_messages_survive_and_turns_are_finished(doomed):
    async with Customer(doomed.url) as customer, Customer(doomed.url) as waiting:
        await customer.hello("en")
        await customer.say("hello")
        await waiting.hello("zh")
        await waiting.send("human", id="h1")
        await waiting.wait("mode", mode="waiting")
        # Killed with a turn under way: acknowledged, perhaps not answered.
        await customer.send("message", id="last", text="how much data have I left on 19900000101?")
        await customer.wait("ack", id="last")
        kill_everything(doomed)
        await asyncio.wait_for(asyncio.shield(customer.closed), 10)
        await asyncio.to_thread(doomed.start)

        seen = max(customer.transcript())
        await customer.resume(last_seq=seen)
        if seen < 5:  # the answer had not come before the kill
            await customer.wait("message", role="bot", seq=5)
        await customer.send("message", id="last", text="how much data have I left on 19900000101?")
        await customer.wait("ack", after=len(customer.frames) - 1, id="last")
        again = await customer.say("thanks")
        assert again[-1]["role"] == "bot"

        async with Customer(doomed.url) as fresh:
            fresh.conversation, fresh.token = customer.conversation, customer.token
            await fresh.hello(conversation=fresh.conversation, token=fresh.token)
            transcript = fresh.messages()
        assert [one["seq"] for one in transcript] == list(range(1, len(transcript) + 1))
        asked = [one for one in transcript if one["text"].startswith("how much data")]
        answers = [one for one in transcript if "18.4 GB" in one["text"]]
        assert (len(asked), len(answers)) == (1, 1)

        async with log_in(doomed.url, "lin", doomed.passwords["lin"]) as client, Agent(doomed.url, client) as lin:
            welcome = await lin.hello()
            assert waiting.conversation in [one["conversation"] for one in welcome["queue"]]


async def test_a_service_that_dies_hands_over_and_comes_back(doomed):
    async with Customer(doomed.url) as customer:
        await customer.hello("en")
        os.kill(doomed.pids()["rasa"], signal.SIGKILL)
        said = await customer.say("hello")
        assert said[0]["role"] == "system"
        assert (await customer.wait("mode", mode="waiting"))["reason"] == "system_failure"
    await asyncio.to_thread(wait_until_ready, doomed)
    async with Customer(doomed.url) as customer:
        await customer.hello("en")
        assert (await customer.say("hello"))[0]["role"] == "bot"


async def test_silent_action_server_is_noticed(doomed):
    os.kill(doomed.pids()["actions"], signal.SIGSTOP)
    try:
        async with Customer(doomed.url) as customer:
            await customer.hello("zh")
            await customer.say("你好")
            assert (await customer.wait("mode", mode="waiting"))["reason"] == "system_failure"
    finally:
        # Unless the supervisor noticed too and has replaced it.
        with contextlib.suppress(KeyError, ProcessLookupError):
            os.kill(doomed.pids()["actions"], signal.SIGCONT)


def wait_until_ready(product: Product) -> None:
    import time

    deadline = time.monotonic() + 90
    while not product.is_ready():
        assert time.monotonic() < deadline, "the service did not come back"
        time.sleep(0.2)
