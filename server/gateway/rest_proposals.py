"""REST for proposals that a language model draws from manuals and tickets. docs/console.md tells all of it."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from server.gateway.proposals import Proposals
from server.gateway.rest_desk import RowId
from server.gateway.rest_graph import answer
from server.gateway.rest_safety import CHANGE, Admin
from server.proposals import MAX_CHARACTERS, MAX_PIECES

Json = dict[str, Any]


def ports(request: Request) -> Proposals:
    """What these routes work with."""
    given: Proposals = request.app.state.proposals
    return given


Given = Annotated[Proposals, Depends(ports)]
router = APIRouter(prefix="/api/proposals")


class Manual(BaseModel):
    """A text to read: plain text or Markdown."""

    model_config = ConfigDict(extra="forbid")
    title: Annotated[str, Field(min_length=1, max_length=200)]
    text: Annotated[str, Field(min_length=1, max_length=MAX_CHARACTERS)]


class Tickets(BaseModel):
    """Closed conversations to read."""

    model_config = ConfigDict(extra="forbid")
    title: Annotated[str, Field(min_length=1, max_length=200)]
    tickets: Annotated[list[Annotated[str, Field(max_length=40)]], Field(min_length=1, max_length=MAX_PIECES)]


class Accepted(BaseModel):
    """The draft that takes a proposal; a fault may become a cause of ``symptom``."""

    model_config = ConfigDict(extra="forbid")
    draft: Annotated[str, Field(max_length=40)]
    revision: Annotated[int, Field(ge=0, lt=2**31)]
    symptom: Annotated[str, Field(max_length=100)] = ""


@router.get("")
async def list_runs(given: Given, person: Admin) -> Json:
    """Whether a language model is configured, and what was read."""
    return {"configured": given.configured, "items": await given.runs()}


@router.get("/tickets")
async def list_tickets(given: Given, person: Admin) -> Json:
    """Closed conversations that can be read, the newest first."""
    return {"items": await given.tickets()}


@router.get("/runs/{run_id}")
async def list_proposals(given: Given, person: Admin, run_id: RowId) -> Response:
    """The proposals of a run."""
    return answer({"items": await given.of(run_id)})


@router.post("/manuals", status_code=202, dependencies=CHANGE)
async def read_manual(given: Given, person: Admin, manual: Manual) -> Json:
    """Has a text read, in the background; 409 where no language model is configured."""
    return {"id": await given.begin_manual(manual.title, manual.text, person.username)}


@router.post("/tickets", status_code=202, dependencies=CHANGE)
async def read_tickets(given: Given, person: Admin, tickets: Tickets) -> Json:
    """Has closed conversations read, in the background."""
    return {"id": await given.begin_tickets(tickets.title, tickets.tickets, person.username)}


@router.post("/runs/{run_id}/stop", status_code=204, dependencies=CHANGE)
async def stop_run(given: Given, person: Admin, run_id: RowId) -> None:
    """Stops reading."""
    await given.stop(run_id, person.username)


@router.post("/runs/{run_id}/resume", status_code=204, dependencies=CHANGE)
async def resume_run(given: Given, person: Admin, run_id: RowId) -> None:
    """Goes on reading."""
    await given.resume(run_id, person.username)


@router.post("/{proposal_id}/accept", dependencies=CHANGE)
async def accept_proposal(given: Given, person: Admin, proposal_id: RowId, accepted: Accepted) -> Json:
    """Puts a proposal into a draft; answers like its operations."""
    return await given.accept(proposal_id, accepted.draft, accepted.revision, accepted.symptom, person.username)


@router.post("/{proposal_id}/refuse", status_code=204, dependencies=CHANGE)
async def refuse_proposal(given: Given, person: Admin, proposal_id: RowId) -> None:
    """Puts a proposal aside."""
    await given.refuse(proposal_id, person.username)
