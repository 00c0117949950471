"""REST for notices of known outages. docs/console.md tells all of it."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from server.gateway.outages import Outages
from server.gateway.rest_desk import RowId
from server.gateway.rest_safety import CHANGE, Admin
from server.outages import Draft

Json = dict[str, Any]
Revision = Annotated[int, Field(ge=0, lt=2**31)]


def ports(request: Request) -> Outages:
    """What these routes work with."""
    given: Outages = request.app.state.outages
    return given


Notices = Annotated[Outages, Depends(ports)]
router = APIRouter(prefix="/api/outages")


class Changed(BaseModel):
    """A notice on top of a revision."""

    model_config = ConfigDict(extra="forbid")
    revision: Revision
    outage: Draft


class Ended(BaseModel):
    """The revision that is ended."""

    model_config = ConfigDict(extra="forbid")
    revision: Revision


@router.get("")
async def list_outages(notices: Notices, person: Admin) -> Json:
    """Every notice, and what one can name."""
    known = await notices.known()
    named = {"intents": known.intents, "symptoms": known.symptoms, "products": known.products}
    return {
        "items": await notices.all(),
        "places": [{"value": name, "names": list(words)} for name, words in known.places.items()],
        **{kind: [{"id": name, "name": title} for name, title in found.items()] for kind, found in named.items()},
    }


@router.post("", status_code=201, dependencies=CHANGE)
async def add_outage(notices: Notices, person: Admin, outage: Draft) -> Json:
    """Publishes a notice; customers whom it concerns get it from its beginning on."""
    return await notices.get(await notices.add(outage, person.username))


@router.post("/check", dependencies=CHANGE)
async def check_outage(notices: Notices, person: Admin, outage: Draft) -> Json:
    """What is wrong with a notice that is being written; nothing is stored."""
    return {"problems": notices.problems(outage, await notices.known())}


@router.put("/{outage_id}", dependencies=CHANGE)
async def change_outage(notices: Notices, person: Admin, outage_id: RowId, changed: Changed) -> Json:
    """Changes a notice that is not past."""
    await notices.put(outage_id, changed.revision, changed.outage, person.username)
    return await notices.get(outage_id)


@router.post("/{outage_id}/end", dependencies=CHANGE)
async def end_outage(notices: Notices, person: Admin, outage_id: RowId, ended: Ended) -> Json:
    """Ends a notice; who was told of it is told that it is over."""
    await notices.end(outage_id, ended.revision, person.username)
    return await notices.get(outage_id)


@router.delete("/{outage_id}", status_code=204, dependencies=CHANGE)
async def remove_outage(
    notices: Notices, person: Admin, outage_id: RowId, revision: Annotated[int, Query(ge=0, lt=2**31)]
) -> None:
    """Takes a planned notice away."""
    await notices.remove(outage_id, revision, person.username)
