"""REST for the learning loop: the review list, groups of similar messages, labels, trainings, releases."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from server.gateway.learning import Learning
from server.gateway.learning_items import CONFLICT
from server.gateway.learning_labels import MOST_AT_ONCE, LabelError
from server.gateway.learning_trainings import TrainingError
from server.gateway.rest import own_page
from server.gateway.rest_safety import Admin
from server.learning.labels import rasa_yaml

Json = dict[str, Any]
CHANGE = [Depends(own_page)]
RowId = Annotated[int, Field(ge=1, lt=2**31)]
Key = Annotated[int | None, Query(ge=1, lt=2**31)]
MAX_PAGE = 100


def ports(request: Request) -> Learning:
    """What these routes work with."""
    given: Learning = request.app.state.learning
    return given


Ports = Annotated[Learning, Depends(ports)]
router = APIRouter(prefix="/api")


class Wanted(BaseModel):
    """Which part of the review list."""

    model_config = ConfigDict(extra="forbid")
    state: Literal["open", "labelled", "conflict", "ignored"] = "open"
    why: Literal["fallback", "low_confidence", "out_of_scope", "marked", "thumbs_down"] | None = None
    language: Annotated[str, Field(max_length=5)] | None = None
    channel: Annotated[str, Field(max_length=20)] | None = None
    intent: Annotated[str, Field(max_length=64)] | None = None
    cluster: RowId | None = None
    q: Annotated[str, Field(max_length=200)] = ""
    before: RowId | None = None
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE)] = 30


class Marked(BaseModel):
    """A detail in a message's text, in code points."""

    model_config = ConfigDict(extra="forbid")
    start: Annotated[int, Field(ge=0)]
    end: Annotated[int, Field(ge=1)]
    entity: Annotated[str, Field(max_length=64)]


class Given(BaseModel):
    """What somebody says that messages mean."""

    model_config = ConfigDict(extra="forbid")
    items: Annotated[list[RowId], Field(min_length=1, max_length=MOST_AT_ONCE)]
    verdict: Literal["intent", "out_of_scope", "not_a_question"]
    intent: Annotated[str, Field(max_length=64)] | None = None
    entities: Annotated[list[Marked], Field(max_length=20)] | None = None


@router.get("/review")
async def review(given: Ports, person: Admin, wanted: Annotated[Wanted, Query()]) -> Json:
    """Messages to look at, newest first, masked, with their labels; ``next`` is the ``before`` of the next page."""
    found = await given.items.page(**wanted.model_dump(exclude={"q"}), words=wanted.q)
    labels = await given.labels.of([one["id"] for one in found])
    against = await given.labels.against(found) if wanted.state == CONFLICT else {}
    items = [{**one, "labels": against.get(one["id"]) or labels.get(one["id"], [])} for one in found]
    following = found[-1]["id"] if len(found) == wanted.limit else None
    return {"items": items, "next": following, "kinds": given.labels.kinds}


@router.get("/review/clusters")
async def clusters(
    given: Ports,
    person: Admin,
    language: Annotated[str | None, Query(max_length=5)] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 30,
) -> Json:
    """Groups of similar open messages, the largest first: what each may be, and whether it looks new."""
    return await given.clusters.page(limit=limit, language=language)


@router.post("/labels", dependencies=CHANGE)
async def label(given: Ports, person: Admin, body: Given) -> Json:
    """Labels messages. ``batch`` takes it back; ``conflicts`` are messages that somebody else labels otherwise.

    404 for a message that is not on the list, 422 for an intent or a span that cannot be.
    """
    spans = None if body.entities is None else [(one.start, one.end, one.entity) for one in body.entities]
    try:
        return await given.labels.give(
            body.items, person.username, verdict=body.verdict, intent=body.intent, entities=spans
        )
    except LabelError as error:
        raise HTTPException(error.status, str(error)) from None


@router.get("/labels")
async def accepted(
    given: Ports, person: Admin, before: Key = None, limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50
) -> Json:
    """Labels that count, newest first."""
    found = await given.labels.page(limit=limit, before=before)
    return {"items": found, "next": found[-1]["id"] if len(found) == limit else None}


@router.get("/labels/export")
async def export(given: Ports, person: Admin) -> Response:
    """All labels that count as training data in Rasa's format, each with its origin in the metadata."""
    text = rasa_yaml(await given.labels.accepted())
    headers = {"Content-Disposition": 'attachment; filename="labels.yml"'}
    return Response(text, media_type="application/yaml", headers=headers)


@router.delete("/labels/batch/{batch}", dependencies=CHANGE)
async def undo(given: Ports, person: Admin, batch: str) -> Json:
    """Takes one act of labelling or settling back."""
    try:
        return {"undone": await given.labels.undo(batch, person.username)}
    except LabelError as error:
        raise HTTPException(error.status, str(error)) from None


@router.post("/labels/{label_id}/settle", dependencies=CHANGE)
async def settle(given: Ports, person: Admin, label_id: RowId) -> Json:
    """Says which of contradicting labels counts; the others are overruled."""
    try:
        return {"batch": await given.labels.settle(label_id, person.username)}
    except LabelError as error:
        raise HTTPException(error.status, str(error)) from None


class Reason(BaseModel):
    """Why something is done all the same."""

    model_config = ConfigDict(extra="forbid")
    reason: Annotated[str, Field(max_length=500)] = ""


class Earlier(Reason):
    """Which release comes back, and why."""

    release: Annotated[str, Field(min_length=1, max_length=40)]


@router.get("/trainings")
async def trainings(
    given: Ports, person: Admin, before: Key = None, limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 20
) -> Json:
    """Retrainings, newest first, with their head figures; one that runs says how far it is."""
    found = await given.trainings.page(limit=limit, before=before)
    return {"items": found, "next": found[-1]["id"] if len(found) == limit else None}


@router.post("/trainings", status_code=201, dependencies=CHANGE)
async def begin_training(given: Ports, person: Admin) -> Json:
    """Begins a training on the company's files, the labels that count and the new intents; 409 where one runs."""
    try:
        return {"id": await given.trainings.begin(person.username)}
    except TrainingError as error:
        raise HTTPException(error.status, str(error)) from None


@router.get("/trainings/{training_id}")
async def training(given: Ports, person: Admin, training_id: RowId) -> Json:
    """One training with the whole comparison: figures, curves, confusions, changes by intent, verdict."""
    found = await given.trainings.one(training_id)
    if found is None:
        raise HTTPException(404, "there is no such training")
    return found


@router.delete("/trainings/{training_id}", status_code=204, dependencies=CHANGE)
async def cancel_training(given: Ports, person: Admin, training_id: RowId) -> None:
    """Stops a training that runs; nothing of it remains but its entry."""
    try:
        await given.trainings.cancel(training_id, person.username)
    except TrainingError as error:
        raise HTTPException(error.status, str(error)) from None


@router.post("/trainings/{training_id}/promote", status_code=202, dependencies=CHANGE)
async def promote(given: Ports, person: Admin, training_id: RowId, body: Reason) -> Json:
    """Puts the training's release in service, without a restart; 409 where the rule refuses and no reason is given."""
    try:
        return {"change": await given.releases.promote(training_id, person.username, body.reason)}
    except TrainingError as error:
        raise HTTPException(error.status, str(error)) from None


@router.get("/releases")
async def releases(given: Ports, person: Admin) -> Json:
    """What is in service, and what came into service when, by whom and why."""
    return await given.releases.page()


@router.post("/releases/rollback", status_code=202, dependencies=CHANGE)
async def roll_back(given: Ports, person: Admin, body: Earlier) -> Json:
    """Puts a release in service again that was in service before, without a restart."""
    try:
        return {"change": await given.releases.roll_back(body.release, person.username, body.reason)}
    except TrainingError as error:
        raise HTTPException(error.status, str(error)) from None
