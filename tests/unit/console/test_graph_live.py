"""The version in service: named in turns, followed by every gateway, sent along where the actions lack it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from kg.load import load
from server.gateway.graph_live import LiveGraph
from server.gateway.graph_versions import Published, Versions
from server.gateway.upstream import UpstreamError
from server.settings import ROOT
from server.storage.audit import Audit
from tests.support.floor import Bench, OneGeneration, bench, intent, turn_runner

Json = dict[str, Any]
KG = ROOT / "kg" / "data"


class Services(OneGeneration):
    """The services behind a turn: the actions know some versions of the graph, as the real ones do."""

    def __init__(self, *, known: set[str], away: bool = False, stubborn: bool = False) -> None:
        self.known = known
        self.away = away
        self.stubborn = stubborn
        self.turns: list[Json] = []

    async def healthy(self):
        return {"models": True, "rasa": True}

    async def parse(self, text, locale, *, new=None):
        return intent("check_bill")["parse"]

    async def teach_graph(self, digest, nodes):
        if self.away:
            raise UpstreamError("actions", "unreachable")
        assert nodes
        self.known.add(digest)

    async def run_turn(self, turn):
        self.turns.append(turn)
        wanted = turn["parse"].get("graph")
        if wanted not in self.known and (self.stubborn or wanted not in turn["parse"].get("graphs", {})):
            yield {"type": "bot", "need": {"graphs": [wanted]}}
        else:
            yield {"type": "bot", "text": {"en": "hello", "zh": "您好"}}
        yield {"type": "end", "slots": {}, "paused": False, "ms": 1}


@pytest.fixture
async def desk(tmp_path):
    async with bench(tmp_path) as running:
        yield running


async def live(desk: Bench, services: Services) -> LiveGraph:
    made = LiveGraph(Versions(desk.store, Audit(desk.store, b"key")), services)
    await made.start(KG)
    return made


async def publish(desk: Bench, author: str = "boss") -> str:
    versions = Versions(desk.store, Audit(desk.store, b"key"))
    newest = await versions.newest()
    content = await versions.content(newest.version)
    less = {name: node for name, node in content.nodes.items() if name != "tv_set"}
    made = Published(type(content)(less, {}), "f" * 16, author, "less", "publish")
    async with desk.store.write() as tx:
        return (await versions.append(tx, newest.version, made)).digest


async def turn(desk: Bench, services: Services, graph: LiveGraph) -> Json:
    runner = turn_runner(desk, services, graph=graph)
    await runner.start()
    state = await desk.service.open("en", None)
    await desk.service.accept(state.id, "m1", "my bill")
    runner.wake(state.id)
    await runner.idle(state.id)
    await runner.close()
    record = (await desk.store.turn_records(state.id))[-1].record
    return {**record, "said": (await desk.store.messages(state.id))[-1].text}


async def test_turns_name_the_version_that_the_files_became(desk):
    digest = load([KG]).version
    services = Services(known={digest})
    graph = await live(desk, services)
    record = await turn(desk, services, graph)
    assert services.turns[0]["parse"]["graph"] == digest == record["graph"]
    await graph.close()


async def test_a_version_that_the_actions_lack_comes_with_the_second_attempt(desk):
    services = Services(known=set())
    graph = await live(desk, services)
    record = await turn(desk, services, graph)
    assert len(services.turns) == 2
    (nodes,) = services.turns[1]["parse"]["graphs"].values()
    assert {node["id"] for node in nodes} == set(load([KG]).nodes)
    assert record["said"] == "hello"
    assert "graphs" not in record["parse"]
    await graph.close()


async def test_actions_that_never_take_it_end_in_a_person(desk):
    services = Services(known=set(), stubborn=True)
    graph = await live(desk, services)
    record = await turn(desk, services, graph)
    assert record["failure"] == {"service": "actions", "code": "graph_refused"}
    assert (len(services.turns), record["said"] != "") == (2, True)
    await graph.close()


@pytest.mark.parametrize("away", [False, True])
async def test_another_gateways_publish_is_followed_and_told_first(desk, away):
    services = Services(known={load([KG]).version}, away=away)
    graph = await live(desk, services)
    digest = await publish(desk)
    assert graph.digest != digest
    await graph.refresh()
    assert graph.digest == digest
    assert (digest in services.known) is not away
    record = await turn(desk, services, graph)
    assert record["said"] == "hello"
    assert len(services.turns) == (2 if away else 1)
    await graph.close()


async def test_gateways_that_start_together_seed_the_graph_once(desk):
    together = [Versions(desk.store, Audit(desk.store, b"key")) for _ in range(3)]
    await asyncio.gather(*(versions.seed(KG) for versions in together))
    newest = await together[0].newest()
    assert (newest.version, newest.origin) == (1, "seed")


async def test_files_seed_the_graph_once(desk, tmp_path):
    first = await live(desk, Services(known=set()))
    await publish(desk)
    second = await live(desk, Services(known=set()))
    assert second.digest == "f" * 16
    await first.close()
    await second.close()
    broken = tmp_path / "kg"
    broken.mkdir()
    (broken / "a.yaml").write_text("faults: [")
    versions = Versions(desk.store, Audit(desk.store, b"key"))
    await versions.seed(broken)
    assert (await versions.newest()).version == 2
