"""A publish that is killed half-way, again and again: the graph is the old one with its draft, or the new one."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.gateway import Gateway

Json = dict[str, Any]
KILLS = 3


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    running = Gateway(tmp_path / "data")
    running.add_staff("boss", "admin")
    running.start()
    yield running
    running.stop()


def logged_in(gateway: Gateway) -> httpx.Client:
    client = httpx.Client(base_url=gateway.url, headers={"X-Kefu": "1"}, timeout=30)
    answer = client.post("/api/session", json={"username": "boss", "password": gateway.passwords["boss"]})
    assert answer.is_success, answer.text
    return client


def test_a_killed_publish_leaves_the_old_version_or_the_new_one(gateway: Gateway) -> None:
    dice = random.Random(1)
    client = logged_in(gateway)
    for number in range(KILLS):
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
