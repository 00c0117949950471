"""The learning loop with the real processes: misunderstood, labelled, retrained, compared, promoted, rolled back."""

import asyncio
import subprocess
import sys
from typing import Any

import httpx

from tests.support.clients import Customer
from tests.support.product import ROOT, Product

Json = dict[str, Any]
UNKNOWN = (
    "my parcel arrived broken",
    "the parcel I got is broken",
    "my order is broken, what now",
    "a broken item was in it",
)
WITHIN_S = 120


async def until(http: httpx.AsyncClient, path: str, done: Any) -> Json:
    """The first answer that ``done`` takes."""
    async with asyncio.timeout(WITHIN_S):
        while True:
            body: Json = (await http.get(path)).json()
            if done(body):
                return body
            await asyncio.sleep(0.2)


async def test_what_was_not_understood_is_learnt_promoted_and_rolled_back(tmp_path):
    folder = tmp_path / "acme"
    command = [sys.executable, "-m", "server.cli", "init", str(folder)]
    await asyncio.to_thread(subprocess.run, command, cwd=ROOT, check=True, capture_output=True)
    product = Product(tmp_path / "data", company=folder)
    await asyncio.to_thread(product.start)
    try:
        async with httpx.AsyncClient(base_url=product.url, headers={"x-kefu": "1"}, timeout=20) as http:
            await http.post("/api/session", json={"username": "admin", "password": product.passwords["admin"]})
            before = (await until(http, "/api/releases", lambda body: body["release"]))["release"]
            for text in UNKNOWN[:3]:
                assert await understood(http, product, text) is None
            groups = await until(http, "/api/review/clusters", lambda body: not body["waiting"] and body["items"])
            group = groups["items"][0]
            members = (await http.get("/api/review", params={"cluster": group["id"]})).json()["items"]
            assert {one["text"] for one in members} <= set(UNKNOWN)
            assert len(members) >= 2
            refused = await http.post("/api/labels", json={"items": [1], "verdict": "intent", "intent": "broken_goods"})
            assert refused.status_code == 422
            await define_and_label(http)

            training = (await http.post("/api/trainings")).json()["id"]
            assert (await http.post("/api/trainings")).status_code == 409, "one at a time"
            done = await until(http, f"/api/trainings/{training}", lambda body: body["state"] != "running")
            assert (done["state"], done["problem"]) == ("done", None)
            assert done["counts"] == {"labels": 3, "new_intents": 1}
            assert done["method"] == "split"
            assert {one["check"] for one in done["verdict"]["checks"]} >= {"safety", "accuracy"}
            assert (await http.get("/api/releases")).json()["release"] == before, "nothing changes by training"

            promoted = await change(
                http, f"/api/trainings/{training}/promote", {"reason": "broken goods come up every day"}
            )
            assert promoted["release"] == done["release"] != before
            pids = product.pids()
            assert await understood(http, product, UNKNOWN[3]) == (done["release"], "broken_goods")

            back = await change(http, "/api/releases/rollback", {"release": before})
            assert back["release"] == before
            assert product.pids()["gateway"] == pids["gateway"]
            assert (await understood(http, product, "what are your opening hours"))[0] == before
            again = await change(http, "/api/releases/rollback", {"release": done["release"]})
            assert [one["kind"] for one in again["items"]] == ["rollback", "rollback", "promotion", "start"]
        # What was promoted comes up again, not what the files make.
        await asyncio.to_thread(product.stop)
        await asyncio.to_thread(product.start)
        async with httpx.AsyncClient(base_url=product.url, headers={"x-kefu": "1"}, timeout=20) as http:
            await http.post("/api/session", json={"username": "admin", "password": product.passwords["admin"]})
            assert await understood(http, product, UNKNOWN[3]) == (done["release"], "broken_goods")
        assert f"starting {done['release']}" in (product.data_dir / "up.log").read_text()
    finally:
        product.stop()


async def understood(http: httpx.AsyncClient, product: Product, text: str) -> tuple[str, str] | None:
    """Release and intent of the answer to a message; None where it was not understood."""
    async with Customer(product.url) as customer:
        await customer.hello("en")
        await customer.say(text)
    answer = (await http.get(f"/api/conversations/{customer.conversation}/decisions")).json()
    record = answer["items"][-1]
    if record["intent"] == "nlu_fallback":
        return None
    assert record["release"] == record["parse"]["release"], "a turn is of one release"
    return record["release"], record["parse"]["intent"]["name"]


async def define_and_label(http: httpx.AsyncClient) -> None:
    body = {
        "label": {"zh": "货物损坏", "en": "Broken goods"},
        "do": "say",
        "text": {"zh": "我们给您换一件。", "en": "We send you another one."},
        "examples": [
            "what I ordered came broken",
            "it was damaged on the way",
            "the box has a broken item in it",
            "货到了是坏的",
        ],
    }
    assert (await http.put("/api/new-intents/broken_goods", json=body)).status_code == 200
    ids = [one["id"] for one in (await http.get("/api/review")).json()["items"]]
    given = await http.post("/api/labels", json={"items": ids, "verdict": "intent", "intent": "broken_goods"})
    assert given.json()["labelled"] == len(UNKNOWN) - 1


async def change(http: httpx.AsyncClient, path: str, body: Json) -> Json:
    """Asks for another release and waits until it is in service."""
    asked = await http.post(path, json=body)
    assert asked.status_code == 202, asked.text
    number = asked.json()["change"]
    found = await until(http, "/api/releases", lambda page: page["items"][0]["state"] != "asked")
    assert (found["items"][0]["id"], found["items"][0]["state"], found["items"][0]["problem"]) == (number, "done", None)
    return found
