"""The review list on a real database: what gets on it, labels one and many, contradictions, groups, erasure."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from server.gateway.graph_live import LiveGraph
from server.gateway.graph_versions import Versions
from server.gateway.learning import Learning
from server.gateway.learning_labels import LabelError
from server.gateway.library_live import LiveLibrary
from server.gateway.library_store import LibraryStore
from server.gateway.new_intents import NewIntents
from server.gateway.upstream import Upstream
from server.learning.labels import rasa_yaml
from server.settings import Settings
from server.storage.audit import Audit
from server.storage.customers import CustomerData
from tests.support.floor import Bench, bench

Json = dict[str, Any]


class Vectors:
    """The model service's vectors: texts with the same first word lie close together."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def embed(self, texts: list[str]) -> list[list[float]]:
        self.asked += texts
        return [list(_vector(text)) for text in texts]


def _vector(text: str) -> np.ndarray:
    first = hashlib.sha256(text.split(maxsplit=1)[0].encode()).digest()
    rest = hashlib.sha256(text.encode()).digest()
    vector = np.frombuffer(first, np.uint8) - 127.5 + 0.2 * (np.frombuffer(rest, np.uint8) - 127.5)
    return np.asarray(vector / np.linalg.norm(vector))


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Bench]:
    async with bench(tmp_path) as made:
        yield made


def learning(desk: Bench, vectors: Vectors | None = None) -> Learning:
    company, audit = desk.service.company, Audit(desk.store, b"key")
    new = NewIntents(desk.store, company, audit)
    upstream = cast(Upstream, vectors or Vectors())
    graph = LiveGraph(Versions(desk.store, audit), upstream)
    settings = Settings(data_dir=desk.folder)
    library = LiveLibrary(LibraryStore(desk.store, audit), upstream, company)
    return Learning.over(
        desk.store, settings, company, new_intents=new, graph=graph, library=library, audit=audit, upstream=upstream
    )


def parse(text: str, name: str = "check_bill", confidence: float = 0.3, **more: Any) -> Json:
    ranking = [{"name": name, "confidence": confidence}, {"name": "pay_bill", "confidence": 0.1}]
    return {"text": text, "language": "en", "intent": ranking[0], "intent_ranking": ranking, "oos": 0.1, **more}


async def unknown(desk: Bench, text: str, **more: Any) -> str:
    """A conversation with one message that the bot did not understand."""
    state = await desk.service.open("en", None)
    await desk.turn(state.id, text, parse=parse(text, **more), intent="nlu_fallback")
    return state.id


async def listed(part: Learning, state: str = "open", **more: Any) -> list[Json]:
    return await part.items.page(state=state, limit=50, **more)


async def test_what_was_not_understood_is_listed_without_personal_data(desk: Bench) -> None:
    part = learning(desk)
    conversation = await unknown(
        desk,
        "why is 199 0000 0101 on the 30GB one",
        entities=[{"entity": "phone_number", "raw": "199 0000 0101"}, {"entity": "plan", "raw": "30GB one"}],
    )
    state = await desk.service.open("en", None)
    await desk.turn(state.id, "hello", parse=parse("hello", "greet", 0.99), intent="greet")
    going_on = [{"action": "action_continue", "policy": "RulePolicy", "confidence": 1.0, "ms": 1}]
    await desk.turn(state.id, "the second", parse=parse("the second"), intent="nlu_fallback", decisions=going_on)
    await desk.turn(state.id, "Bill", parse={**parse("Bill"), "engine": "choice"}, intent="check_bill")
    (item,) = await listed(part)
    assert item["text"] == "why is <PHONE> on the 30GB one"
    assert item["entities"] == [{"start": 22, "end": 30, "entity": "plan"}]
    assert (item["conversation"], item["intent"], item["confidence"]) == (conversation, "check_bill", 0.3)
    assert item["why"] == ["fallback"]


async def test_people_put_messages_on_the_list_too(desk: Bench) -> None:
    part, lin = learning(desk), await desk.hire("lin")
    state = await desk.service.open("en", None)
    seq = await desk.says(state.id, "my bill please")
    await desk.service.bot_says(state.id, (seq, 0), "Your data is 3 GB.", {})
    record = {"parse": parse("my bill please", "check_data_usage", 0.95), "decisions": []}
    await desk.service.finish_turn(state.id, seq, record=record, slots={}, locale="en", escalate=None)
    assert await listed(part) == []
    await desk.service.feedback(state.id, "f1", seq=seq + 1, score=-1)
    await desk.cases.mark(state.id, "m1", lin, seq=seq + 1, intent="check_bill", comment="")
    (item,) = await listed(part)
    assert item["why"] == ["marked", "thumbs_down"]
    assert (item["seq"], item["bot_text"]) == (seq, "Your data is 3 GB.")
    assert len(await listed(part, why="marked")) == 1
    assert await listed(part, why="fallback") == []
    assert len(await listed(part, words="3 gb")) == 1


async def test_many_are_labelled_at_once_and_it_is_taken_back(desk: Bench) -> None:
    part = learning(desk)
    for text in ("statement copy", "a copy of the statement", "print my statement"):
        await unknown(desk, text)
    ids = [one["id"] for one in await listed(part)]
    made = await part.labels.give(ids, "lin", verdict="intent", intent="check_bill")
    assert (made["labelled"], made["conflicts"]) == (3, [])
    assert await listed(part) == []
    assert len(await part.labels.accepted()) == 3
    # Another word of the same person replaces the first, and taken back the first counts again.
    other = await part.labels.give(ids[:1], "lin", verdict="not_a_question")
    assert [one["id"] for one in await listed(part, "ignored")] == ids[:1]
    assert await part.labels.undo(other["batch"], "lin") == 1
    assert {one.intent for one in await part.labels.accepted()} == {"check_bill"}
    await part.labels.undo(made["batch"], "lin")
    assert len(await listed(part)) == 3
    assert rasa_yaml(await part.labels.accepted()).count("text:") == 0
    with pytest.raises(LabelError, match="gone already"):
        await part.labels.undo(made["batch"], "lin")


async def test_two_who_contradict_each_other_are_asked_and_nothing_is_overwritten(desk: Bench) -> None:
    part = learning(desk)
    await unknown(desk, "Where is my parcel?")
    await unknown(desk, "where is my parcel")
    ids = sorted(one["id"] for one in await listed(part))
    await part.labels.give(ids[:1], "lin", verdict="intent", intent="order_status")
    made = await part.labels.give(ids[1:], "shen", verdict="out_of_scope")
    assert made["conflicts"] == ids
    assert await part.labels.accepted() == []
    conflict = await listed(part, "conflict")
    against = await part.labels.against(conflict)
    assert [(one["by"], one["verdict"]) for one in against[ids[0]]] == [("lin", "intent"), ("shen", "out_of_scope")]
    with pytest.raises(LabelError, match="another person's"):
        await part.labels.undo(made["batch"], "lin")
    act = await part.labels.settle(against[ids[0]][0]["id"], "lin")
    assert [(one.author, one.intent) for one in await part.labels.accepted()] == [("lin", "order_status")]
    assert await listed(part, "conflict") == []
    assert await part.labels.undo(act, "lin") == 1
    assert len(await listed(part, "conflict")) == 2, "settling can be taken back"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"verdict": "intent", "intent": "fly_to_the_moon"}, "there is no intent 'fly_to_the_moon'"),
        ({"verdict": "intent", "intent": None}, "there is no intent"),
        ({"verdict": "shrug"}, "verdict"),
        ({"verdict": "intent", "intent": "greet", "entities": [(0, 2, "fruit")]}, "no kind of detail"),
    ],
)
async def test_a_label_that_cannot_be_is_refused_and_changes_nothing(desk: Bench, given: Json, words: str) -> None:
    part = learning(desk)
    await unknown(desk, "what about it")
    (item,) = await listed(part)
    with pytest.raises(LabelError, match=words):
        await part.labels.give([item["id"]], "lin", **given)
    with pytest.raises(LabelError, match="no message 999"):
        await part.labels.give([item["id"], 999], "lin", verdict="out_of_scope")
    assert await part.labels.accepted() == []
    assert len(await listed(part)) == 1


async def test_a_corrected_span_is_what_the_label_teaches(desk: Bench) -> None:
    part = learning(desk)
    await unknown(desk, "change to the middle one")
    (item,) = await listed(part)
    await part.labels.give([item["id"]], "lin", verdict="intent", intent="change_plan", entities=[(14, 24, "plan")])
    assert "change to the [middle one](plan)" in rasa_yaml(await part.labels.accepted())


async def test_similar_messages_are_grouped_as_they_come(desk: Bench) -> None:
    vectors = Vectors()
    part = learning(desk, vectors)
    for text in ("dog bit the cable", "dog chewed my charger", "parrot ate the SIM"):
        await unknown(desk, text)
    assert await part.clusters.sweep() == 3
    assert await part.clusters.sweep() == 0
    await unknown(desk, "dog ate the box")
    shown = await part.clusters.page(limit=10)
    assert (shown["waiting"], [one["size"] for one in shown["items"]]) == (1, [2])
    # Another gateway goes on with what this one stored.
    assert await learning(desk, vectors).clusters.sweep() == 1
    (group,) = (await part.clusters.page(limit=10))["items"]
    assert (group["size"], group["name"]) == (3, "dog_chewed_charger")
    assert group["looks_new"]
    assert group["proposals"][0] == {"intent": "check_bill", "share": 0.3}
    assert len(vectors.asked) == 4, "no message is read twice"
    ids = [one["id"] for one in await listed(part, cluster=group["id"])]
    await part.labels.give(ids, "lin", verdict="out_of_scope")
    assert (await part.clusters.page(limit=10))["items"] == []


async def test_a_customers_erasure_takes_entries_and_labels_along(desk: Bench, tmp_path: Path) -> None:
    part = learning(desk)
    conversation = await unknown(desk, "dog bit the cable")
    await part.clusters.sweep()
    (item,) = await listed(part)
    await part.labels.give([item["id"]], "lin", verdict="out_of_scope")
    gone = await CustomerData(desk.store, tmp_path / "uploads", tmp_path / "logs").erase([conversation])
    assert (gone["review_items"], gone["labels"]) == (1, 1)
    assert await part.labels.accepted() == []
