"""REST for drafts of the graph: edited, tried, tested, merged, published. docs/console.md tells all of it."""

import time
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from kg.editing import MAX_OPERATIONS
from kg.trial import MAX_ANSWERS
from server.gateway.rest_graph import Graphs, Message, answer
from server.gateway.rest_safety import CHANGE, Admin

Json = dict[str, Any]
Revision = Annotated[int, Field(ge=0, lt=2**31)]
router = APIRouter(prefix="/api/graph/drafts")


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewDraft(_Body):
    """What a draft begins with: a version, the one in service where none is named."""

    from_: Annotated[int | None, Field(alias="from", ge=0, lt=2**31)] = None
    title: Annotated[str, Field(max_length=200)] = ""


class Operations(_Body):
    """Changes on top of a revision."""

    revision: Revision
    operations: Annotated[list[Json], Field(min_length=1, max_length=MAX_OPERATIONS)]


class Talk(_Body):
    """A talk with the draft so far."""

    symptom: Annotated[str, Field(max_length=100)]
    answers: Annotated[list[Json], Field(max_length=MAX_ANSWERS)] = []


class Said(Talk):
    """What a customer would say at the step where a talk stands."""

    text: Annotated[str, Field(min_length=1, max_length=1000)]
    language: Literal["zh", "en"] = "zh"


class Publish(_Body):
    """What is published, and why in spite of failing cases."""

    revision: Revision
    message: Message
    override: Annotated[str, Field(min_length=10, max_length=1000)] | None = None


class Choice(_Body):
    """Whose change of a field is kept."""

    node: Annotated[str, Field(max_length=100)]
    field: Annotated[list[str | int], Field(max_length=20)]
    take: Literal["theirs", "mine"]


class Merge(_Body):
    """Choices for the conflicts that are known."""

    revision: Revision
    choose: Annotated[list[Choice], Field(max_length=2000)] = []


@router.post("", status_code=201, dependencies=CHANGE)
async def begin(graphs: Graphs, person: Admin, wanted: NewDraft) -> Response:
    """A new draft of a version."""
    base = (await graphs.versions.newest()).version if wanted.from_ is None else wanted.from_
    content = await graphs.versions.content(base)
    draft = await graphs.drafts.create(base, content, person.username, wanted.title)
    return answer(await graphs.drafts.shown(draft, await graphs.names()), 201)


@router.get("/{draft_id}")
async def draft(graphs: Graphs, person: Admin, draft_id: str) -> Response:
    """A draft with its graph and problems."""
    return answer(await graphs.drafts.shown(await graphs.drafts.get(draft_id), await graphs.names()))


@router.delete("/{draft_id}", status_code=204, dependencies=CHANGE)
async def throw_away(graphs: Graphs, person: Admin, draft_id: str) -> None:
    """Throws a draft away."""
    await graphs.drafts.remove(draft_id, person.username)


@router.post("/{draft_id}/operations", dependencies=CHANGE)
async def operate(graphs: Graphs, person: Admin, draft_id: str, wanted: Operations) -> Response:
    """Changes a draft; all of the operations or none."""
    found = await graphs.drafts.get(draft_id)
    names = await graphs.names()
    return answer(await graphs.drafts.change(found, wanted.revision, wanted.operations, person.username, names))


@router.post("/{draft_id}/try", dependencies=CHANGE)
async def attempt(graphs: Graphs, person: Admin, draft_id: str, wanted: Talk) -> Response:
    """Talks to a draft."""
    started = time.perf_counter()
    found = await graphs.attempt(draft_id, wanted.symptom, wanted.answers)
    return answer({**found, "ms": _ms(started)})


@router.post("/{draft_id}/read", dependencies=CHANGE)
async def read(graphs: Graphs, person: Admin, draft_id: str, wanted: Said) -> Response:
    """What a customer's own words answer in a talk with a draft, read as in the chat."""
    said = (wanted.text, wanted.language)
    return answer(await graphs.read(draft_id, wanted.symptom, wanted.answers, said))


@router.post("/{draft_id}/test", dependencies=CHANGE)
async def test(graphs: Graphs, person: Admin, draft_id: str) -> Response:
    """Runs every regression case on a draft."""
    started = time.perf_counter()
    results = await graphs.test(draft_id)
    failed = [one.as_json() for one in results if not one.passed]
    return answer({"passed": len(results) - len(failed), "failed": failed, "ms": _ms(started)})


@router.post("/{draft_id}/publish", dependencies=CHANGE)
async def publish(graphs: Graphs, person: Admin, draft_id: str, wanted: Publish) -> Json:
    """Makes a draft the next version; it is in service when the answer comes."""
    override = (wanted.override or "").strip()
    made = await graphs.publish(draft_id, wanted.revision, wanted.message, override, person.username)
    return made.as_json(await graphs.names(), made.version)


@router.post("/{draft_id}/merge", dependencies=CHANGE)
async def merge(graphs: Graphs, person: Admin, draft_id: str, wanted: Merge) -> Response:
    """Takes what was published since the draft began into it."""
    choices: dict[tuple[str, tuple[str | int, ...]], str] = {
        (one.node, tuple(one.field)): one.take for one in wanted.choose
    }
    merged = await graphs.merge(draft_id, wanted.revision, choices, person.username)
    return answer(await graphs.drafts.shown(merged, await graphs.names()))


def _ms(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 1)
