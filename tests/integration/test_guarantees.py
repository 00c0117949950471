"""Nothing is lost at the desk: the gateway is killed, people come, crash and reach for the same conversation."""

import asyncio

import pytest

from tests.support.chaos import trouble
from tests.support.clients import Agent, Customer, log_in
from tests.support.gateway import Gateway


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    running = Gateway(tmp_path_factory.mktemp("gateway") / "data")
    for name in ("lin", "chen", "bai"):
        running.add_staff(name)
    running.start()
    yield running
    running.stop()


async def test_escalations_survive_crashes_of_agents_and_of_the_gateway(gateway):
    report = await trouble(gateway, conversations=40, agents=["lin", "chen", "bai"], kills=2, messages=4, seed=20260302)
    assert report.problems() == {}
    assert report.assigned + report.waiting == report.escalated == 40
    assert report.kills == 2
    assert report.followed > 0, "agents saw nothing, so nothing was checked on their side"


async def test_an_opened_conversation_brings_what_a_desk_missed_however_often_it_was_cut_off(gateway):
    async with (
        Customer(gateway.url) as customer,
        log_in(gateway.url, "lin", gateway.passwords["lin"]) as client,
        Agent(gateway.url, client) as lin,
    ):
        await customer.hello("en")
        await lin.hello()
        await customer.send("human", id="h1")
        await customer.wait("mode", mode="waiting")
        assert (await lin.do("take", customer.conversation))["type"] == "ack"
        await lin.send("open", conversation=customer.conversation)
        await lin.send("ping")
        await lin.wait("pong")  # so it is open
        await customer.send("message", id="m1", text="one")
        first = await lin.wait("message", text="one")
        await lin.disconnect()
        for number, text in enumerate(("two", "three"), 2):
            await customer.send("message", id=f"m{number}", text=text)
            await customer.wait("ack", id=f"m{number}")
        await lin.connect()
        welcome = await lin.hello(last_event=first["event"])  # and cut off before it could open anything
        await lin.disconnect()
        await lin.connect()
        start = len(lin.frames)
        await lin.hello(last_event=welcome["event"])
        await lin.send("open", conversation=customer.conversation, last_seq=first["seq"])
        await lin.wait("message", text="three", after=start)
        missed = [one["text"] for one in lin.frames[start:] if one["type"] == "message"]
        assert missed == ["two", "three"]


async def test_many_who_take_at_once_exactly_one_wins(gateway):
    async with (
        Customer(gateway.url) as customer,
        log_in(gateway.url, "lin", gateway.passwords["lin"]) as one,
        log_in(gateway.url, "chen", gateway.passwords["chen"]) as other,
        Agent(gateway.url, one) as lin,
        Agent(gateway.url, other) as chen,
    ):
        await lin.hello()
        await chen.hello()
        await customer.hello("en")
        await customer.send("human", id="h1")
        await customer.wait("mode", mode="waiting")
        answers = await asyncio.gather(*(who.do("take", customer.conversation) for who in (lin, chen)))
        assert sorted(answer["type"] for answer in answers) == ["ack", "refused"]
        refused = next(answer for answer in answers if answer["type"] == "refused")
        winner = "chen" if answers[0]["type"] == "refused" else "lin"
        assert (refused["code"], refused["by"]) == ("taken", winner)
