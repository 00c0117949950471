"""An administrator changes the fault trees while customers are being helped: nobody is disturbed."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Any

import httpx

from tests.support.clients import Customer, log_in
from tests.support.product import Product

Json = dict[str, Any]
SYMPTOM = "tv_no_picture"
PATIENCE_S = 60


def both(en: str, zh: str) -> Json:
    return {"zh": zh, "en": en}


def glare(formula: str) -> list[Json]:
    """A fault with a check and a fix, likelier than any other."""
    fault = {"name": both("Sun on the screen", "阳光反光"), "prior": 0.6, "component": "tv_set"}
    check = {
        "name": both("Sunlight", "阳光"),
        "ask": [both("Does the sun shine on the screen?", "阳光照在屏幕上吗？"), both("Any sun on it?", "有阳光吗？")],
        "outcomes": {
            "sunny": {"label": both("The sun shines on it", "照到了"), "when": "sun_glare"},
            "shady": {"label": both("It is in the shade", "没有照到")},
        },
        "cost": 0.2,
    }
    fix = {
        "name": both("Draw the curtain", "拉上窗帘"),
        "do": [both("Please draw the curtain.", "请拉上窗帘。"), both("Please keep the sun out.", "请挡住阳光。")],
        "repairs": {"sun_glare": 0.97},
        "blind": False,
    }
    parts = [("sun_glare", "fault", fault), ("look_for_sun", "check", check), ("draw_curtain", "fix", fix)]
    put = [{"op": "put", "node": {"id": name, "kind": kind, "data": data}} for name, kind, data in parts]
    return [*put, {"op": "set", "node": SYMPTOM, "path": ["caused_by"], "value": f"{formula} or sun_glare"}]


async def post(admin: httpx.AsyncClient, path: str, body: Json) -> Json:
    answer = await admin.post(f"/api/graph{path}", json=body)
    assert answer.is_success, answer.text
    return dict(answer.json())


async def diagnosis(admin: httpx.AsyncClient, customer: Customer) -> Json:
    """What is known of a customer's diagnosis after the last turn."""
    found = (await admin.get(f"/api/conversations/{customer.conversation}/decisions")).json()
    record = (found["items"] if isinstance(found, dict) else found)[-1]
    record = record.get("record", record)
    assert not record.get("failure"), record
    return dict(record["slots"]["diagnosis"])


async def begin(customer: Customer) -> list[Json]:
    await customer.hello("en")
    return await customer.say("there is no picture on my tv")


async def test_a_published_graph_serves_new_diagnoses_and_leaves_running_ones_alone(product: Product) -> None:
    async with (
        log_in(product.url, "admin", product.passwords["admin"]) as admin,
        Customer(product.url) as early,
        Customer(product.url) as late,
        Customer(product.url) as later,
        Customer(product.url) as last,
    ):
        before = (await admin.get("/api/graph")).json()["active"]
        await begin(early)
        assert (await diagnosis(admin, early))["engine"]["graph"] == before["digest"]

        draft = await post(admin, "/drafts", {"title": "Sun"})
        formula = next(node["data"]["caused_by"] for node in draft["graph"]["nodes"] if node["id"] == SYMPTOM)
        done = await post(admin, f"/drafts/{draft['id']}/operations", {"revision": 0, "operations": glare(formula)})
        assert not [one for one in done["problems"] if one["severity"] == "error"]
        tried = await post(admin, f"/drafts/{draft['id']}/try", {"symptom": SYMPTOM, "answers": []})
        assert tried["step"]["node"] == "look_for_sun"
        made = await post(admin, f"/drafts/{draft['id']}/publish", {"revision": 1, "message": "Sun on the screen"})
        assert made["digest"] != before["digest"]

        # It is in service when the answer comes.
        asked = await begin(late)
        assert asked[-1]["step"] == {"kind": "check", "id": "look_for_sun"}
        assert asked[-1]["choices"][0]["label"] == "The sun shines on it"
        known = await diagnosis(admin, late)
        assert known["engine"]["graph"] == made["digest"]
        repaired = await late.choose("The sun shines on it")
        assert repaired[-1]["step"]["id"] == "draw_curtain"
        solved = await late.choose(next(one["value"] for one in repaired[-1]["choices"] if "solved" in one["value"]))
        assert solved

        # The running one goes on where it was, on its own version.
        await early.choose(early.messages()[-1]["choices"][0]["value"])
        assert (await diagnosis(admin, early))["engine"]["graph"] == before["digest"]

        # An action server that was started anew has only the files; turns bring it what it lacks.
        os.kill(product.pids()["actions"], signal.SIGKILL)
        async with asyncio.timeout(PATIENCE_S):
            while "actions" not in product.pids() or not await answers(product):  # noqa: ASYNC110 (another process)
                await asyncio.sleep(0.2)
        assert (await begin(later))[-1]["step"]["id"] == "look_for_sun"
        assert (await diagnosis(admin, later))["engine"]["graph"] == made["digest"]

        back = await post(admin, "/rollback", {"to": before["version"], "message": "No sun in winter"})
        assert back["digest"] == before["digest"]
        assert (await begin(last))[-1].get("step", {}).get("id") != "look_for_sun"
        assert (await diagnosis(admin, last))["engine"]["graph"] == before["digest"]
        second = await later.choose("It is in the shade")
        assert second
        assert (await diagnosis(admin, later))["engine"]["graph"] == made["digest"]


async def answers(product: Product) -> bool:
    """Whether the action server takes requests again."""
    async with httpx.AsyncClient(trust_env=False) as client:
        try:
            return (await client.get(f"http://127.0.0.1:{product.internal_port + 2}/health", timeout=2)).is_success
        except httpx.HTTPError:
            return False
