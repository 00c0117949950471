"""REST for the company's settings: the version in force, changing it, its history. docs/console.md tells all of it."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from server.company_settings import LEAST_BOUND, MOST_BOUND
from server.gateway.company_settings import CompanySettings
from server.gateway.graph_refusals import Refusal
from server.gateway.rest_safety import CHANGE, Admin
from server.gateway.upstream import Upstream, UpstreamError

Json = dict[str, Any]
BOUNDS: Final = (0.001, 0.005, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.15, 0.2, 0.3, 0.5)


def ports(request: Request) -> CompanySettings:
    """What these routes work with."""
    given: CompanySettings = request.app.state.company_settings
    return given


Kept = Annotated[CompanySettings, Depends(ports)]
Version = Annotated[int, Field(ge=1, lt=2**31)]
Message = Annotated[str, Field(max_length=1000)]
router = APIRouter(prefix="/api/company-settings")


class Change(BaseModel):
    """A new version on top of `base`."""

    model_config = ConfigDict(extra="forbid")
    base: Version
    settings: Json
    message: Message = ""


class Tried(BaseModel):
    """A document to look at."""

    model_config = ConfigDict(extra="forbid")
    settings: Json


class RollBack(BaseModel):
    """Which version's content is put in force again."""

    model_config = ConfigDict(extra="forbid")
    base: Version
    to: Version
    message: Message = ""


@router.get("")
async def current(kept: Kept, person: Admin) -> Json:
    """The settings in force, and what a form needs beside them."""
    return await kept.current()


@router.put("", dependencies=CHANGE)
async def save(kept: Kept, person: Admin, change: Change) -> Json:
    """Puts settings in force; 409 where a newer version came between, 422 with ``problems`` by field."""
    return await kept.save(change.base, change.settings, change.message, person.username)


@router.post("/check", dependencies=CHANGE)
async def check(kept: Kept, person: Admin, tried: Tried) -> Json:
    """What would keep these settings from being saved."""
    return {"problems": [one.as_json() for one in await kept.problems(tried.settings)]}


@router.get("/coverage")
async def coverage(
    kept: Kept,
    person: Admin,
    request: Request,
    bound: Annotated[float | None, Query(ge=LEAST_BOUND, le=MOST_BOUND)] = None,
) -> Json:
    """What a risk bound (the one in force, where none is named) leaves to the bot, and what others would."""
    upstream: Upstream = request.app.state.upstream
    chosen = kept.risk_bound if bound is None else bound
    try:
        found = await upstream.thresholds([chosen, *BOUNDS])
    except UpstreamError as error:
        raise Refusal("away", "company.coverage_away") from error
    lines = {name: [_left(one) for one in each] for name, each in found["languages"].items()}
    return {
        "release": found["release"],
        "bound": chosen,
        "chosen": {name: each[0] for name, each in lines.items()},
        "languages": {name: each[1:] for name, each in lines.items()},
    }


def _left(threshold: Json) -> Json:
    return {name: threshold[name] for name in ("bound", "confidence", "coverage", "error", "guaranteed", "messages")}


@router.get("/versions")
async def versions(
    kept: Kept,
    person: Admin,
    limit: Annotated[int, Query(ge=1, le=100)] = 30,
    before: Annotated[int | None, Query(ge=1, lt=2**31)] = None,
) -> Json:
    """The history, newest first, with what each version changed."""
    return {"items": await kept.history(limit=limit, before=before)}


@router.post("/rollback", dependencies=CHANGE)
async def roll_back(kept: Kept, person: Admin, wanted: RollBack) -> Json:
    """Puts an earlier version in force again, as a new one."""
    return await kept.roll_back(wanted.base, wanted.to, wanted.message, person.username)


@router.get("/export", response_class=Response)
async def export(kept: Kept, person: Admin) -> Response:
    """The settings in force as a company.toml."""
    headers = {"Content-Disposition": 'attachment; filename="company.toml"'}
    return Response(await kept.export(), media_type="application/toml; charset=utf-8", headers=headers)
