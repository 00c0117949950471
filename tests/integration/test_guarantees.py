"""Nothing is lost at the desk: the gateway is killed, people come, crash and reach for the same conversation.

Nor in the console: a publish that is killed half-way leaves the old graph with its draft, or the new one.
"""

import asyncio
import contextlib
import random
import threading
import time
from typing import Any

import httpx
import pytest

from tests.support.chaos import trouble
from tests.support.clients import Agent, Customer, log_in
from tests.support.gateway import Gateway

Json = dict[str, Any]
PUBLISH_KILLS = 3


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    running = Gateway(tmp_path_factory.mktemp("gateway") / "data")
    for name in ("lin", "chen", "bai"):
        running.add_staff(name)
    running.add_staff("boss", "admin")
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


def logged_in(gateway: Gateway) -> httpx.Client:
    client = httpx.Client(base_url=gateway.url, headers={"X-Kefu": "1"}, timeout=30)
    answer = client.post("/api/session", json={"username": "boss", "password": gateway.passwords["boss"]})
    assert answer.is_success, answer.text
    return client


def test_a_killed_publish_leaves_the_old_version_or_the_new_one(gateway: Gateway) -> None:
    dice = random.Random(1)
    client = logged_in(gateway)
    for number in range(PUBLISH_KILLS):
        before: Json = client.get("/api/graph").json()["active"]
        draft: Json = client.post("/api/graph/drafts", json={}).json()
        wanted = {"op": "set", "node": "hdmi_loose", "path": ["prior"], "value": 0.01 * (number + 1)}
        url = f"/api/graph/drafts/{draft['id']}"
        client.post(f"{url}/operations", json={"revision": 0, "operations": [wanted]})

        def publish(path: str = f"{url}/publish", asking: httpx.Client = client) -> None:
            with contextlib.suppress(httpx.HTTPError):
                asking.post(path, json={"revision": 1, "message": "killed"})

        asked = threading.Thread(target=publish)
        asked.start()
        time.sleep(dice.uniform(0.0, 0.6))
        gateway.kill()
        asked.join()
        client.close()
        gateway.start()
        client = logged_in(gateway)
        after = client.get("/api/graph").json()
        kept = client.get(url)
        if after["active"]["version"] == before["version"]:
            assert after["active"]["digest"] == before["digest"]
            assert kept.json()["revision"] == 1
            assert client.post(f"{url}/publish", json={"revision": 1, "message": "again"}).is_success
        else:
            assert after["active"]["version"] == before["version"] + 1
            assert kept.status_code == 404
        graph = client.get(f"/api/graph/versions/{before['version'] + 1}").json()["graph"]
        priors = {node["id"]: node["data"].get("prior") for node in graph["nodes"]}
        assert priors["hdmi_loose"] == pytest.approx(wanted["value"])
    client.close()
