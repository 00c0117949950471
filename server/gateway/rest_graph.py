"""REST for the graph's versions: history, differences, roll back, regression cases. docs/console.md tells all of it."""

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from kg.files import MEDIA_TYPES, Format
from server.gateway.graph_service import GraphService
from server.gateway.rest_desk import RowId
from server.gateway.rest_safety import CHANGE, Admin

Json = dict[str, Any]


def ports(request: Request) -> GraphService:
    """What these routes work with."""
    given: GraphService = request.app.state.graph
    return given


Graphs = Annotated[GraphService, Depends(ports)]
Message = Annotated[str, Field(min_length=1, max_length=1000)]
FileKind = Annotated[Format, Query(alias="format")]
Of = Annotated[str, Query(max_length=40)]
router = APIRouter(prefix="/api/graph")


class RollBack(BaseModel):
    """Which version's content is published again."""

    model_config = ConfigDict(extra="forbid")
    to: Annotated[int, Field(ge=1, lt=2**31)]
    message: Message


class AcceptedPriors(BaseModel):
    """Faults whose proposed priors are taken into a draft."""

    model_config = ConfigDict(extra="forbid")
    draft: Annotated[str, Field(max_length=40)]
    revision: Annotated[int, Field(ge=0, lt=2**31)]
    faults: Annotated[list[Annotated[str, Field(max_length=100)]], Field(min_length=1, max_length=2000)]


class SavedCase(BaseModel):
    """A talk and how it should end; `kg.trial` reads the parts."""

    model_config = ConfigDict(extra="forbid")
    title: Annotated[str, Field(min_length=1, max_length=200)]
    symptom: Annotated[str, Field(min_length=1, max_length=100)]
    answers: Annotated[list[Json], Field(max_length=60)]
    expect: Json


def answer(data: Any, status: int = 200) -> Response:
    """A large answer, written at once."""
    return Response(orjson.dumps(data), status_code=status, media_type="application/json")


@router.get("")
async def overview(graphs: Graphs, person: Admin) -> Json:
    """The version in service, how many there are, and the drafts."""
    names, active = await graphs.names(), await graphs.versions.newest()
    return {
        "active": active.as_json(names, active.version),
        "versions": active.version,
        "drafts": await graphs.drafts.all(names),
    }


@router.get("/versions")
async def versions(
    graphs: Graphs,
    person: Admin,
    before: Annotated[int | None, Query(ge=1, lt=2**31)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    q: Annotated[str, Query(max_length=100)] = "",
) -> Json:
    """The history, newest first; ``q`` finds messages, authors and the nodes that changed."""
    found = await graphs.versions.page(before=before, limit=limit + 1, search=q)
    names, active = await graphs.names(), (await graphs.versions.newest()).version
    items = [one.as_json(names, active) for one in found[:limit]]
    return {"items": items, "next": found[limit - 1].version if len(found) > limit else None}


@router.get("/versions/{version}")
async def version(graphs: Graphs, person: Admin, version: RowId) -> Response:
    """One version with its graph."""
    return answer(await graphs.version(version))


@router.get("/diff")
async def difference(
    graphs: Graphs, person: Admin, from_: Annotated[str, Query(alias="from", max_length=40)], to: Of = "active"
) -> Response:
    """What differs between two versions or drafts, by node and field."""
    return answer({"nodes": await graphs.difference(from_, to)})


@router.post("/rollback", dependencies=CHANGE)
async def roll_back(graphs: Graphs, person: Admin, wanted: RollBack) -> Json:
    """Publishes the content of an earlier version again."""
    made = await graphs.roll_back(wanted.to, wanted.message, person.username)
    return made.as_json(await graphs.names(), made.version)


@router.get("/cases")
async def cases(graphs: Graphs, person: Admin) -> Json:
    """All regression cases."""
    return {"items": await graphs.cases.all(await graphs.names())}


@router.post("/cases", status_code=201, dependencies=CHANGE)
async def add_case(graphs: Graphs, person: Admin, case: SavedCase) -> Json:
    """Saves a talk as a case that every publish runs."""
    return await _case(graphs, await graphs.cases.add(case.model_dump(), person.username))


@router.put("/cases/{case_id}", dependencies=CHANGE)
async def put_case(graphs: Graphs, person: Admin, case_id: RowId, case: SavedCase) -> Json:
    """Replaces a case."""
    await graphs.cases.put(case_id, case.model_dump(), person.username)
    return await _case(graphs, case_id)


@router.delete("/cases/{case_id}", status_code=204, dependencies=CHANGE)
async def remove_case(graphs: Graphs, person: Admin, case_id: RowId) -> None:
    """Takes a case away."""
    await graphs.cases.remove(case_id, person.username)


@router.get("/analysis")
async def analysis(
    graphs: Graphs, person: Admin, symptom: Annotated[str, Query(min_length=1, max_length=100)], of: Of = "active"
) -> Response:
    """The fault tree of a symptom: probability, minimal cut sets, importance, and which check helps most."""
    return answer(await graphs.analysis(of, symptom))


@router.get("/priors")
async def priors(graphs: Graphs, person: Admin) -> Json:
    """New priors that closed cases suggest."""
    return await graphs.live.outcomes.proposals()


@router.post("/priors/accept", dependencies=CHANGE)
async def accept_priors(graphs: Graphs, person: Admin, wanted: AcceptedPriors) -> Response:
    """Takes proposed priors into a draft."""
    return answer(await graphs.accept(wanted.draft, wanted.revision, wanted.faults, person.username))


@router.get("/export")
async def export(graphs: Graphs, person: Admin, kind: FileKind, of: Of = "active") -> Response:
    """A version or a draft as a file."""
    data = await graphs.export(of, kind)
    ending = {"xml": "opsa.xml"}.get(kind, kind)
    name = f"graph-{''.join(one for one in of if one.isalnum())}.{ending}"
    return Response(
        data, media_type=MEDIA_TYPES[kind], headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )  # fmt: skip


@router.post("/import", status_code=201, dependencies=CHANGE)
async def take_file(
    graphs: Graphs,
    person: Admin,
    request: Request,
    kind: FileKind,
    title: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """A new draft with what the body holds."""
    data = await request.body()
    draft = await graphs.take_file(kind, data, person.username, title)
    return answer(await graphs.drafts.shown(draft, await graphs.names()), 201)


async def _case(graphs: GraphService, case_id: int) -> Json:
    return next(one for one in await graphs.cases.all(await graphs.names()) if one["id"] == case_id)
