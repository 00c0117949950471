"""REST for experiments. docs/console.md tells all of it."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from server.gateway.experiments import Experiments
from server.gateway.experiments_result import Metric
from server.gateway.rest_desk import RowId
from server.gateway.rest_safety import CHANGE, Admin

Json = dict[str, Any]
Effect = Annotated[float, Field(gt=0, le=60)]
Share = Annotated[float, Field(gt=0, le=1)]


def ports(request: Request) -> Experiments:
    """What these routes work with."""
    given: Experiments = request.app.state.experiments
    return given


Kept = Annotated[Experiments, Depends(ports)]
router = APIRouter(prefix="/api/experiments")


class NewExperiment(BaseModel):
    """What is tried, on whom, and what decides."""

    model_config = ConfigDict(extra="forbid")
    name: Annotated[str, Field(min_length=1, max_length=200)]
    kind: Literal["text", "say", "greeting", "prompt", "threshold"]
    target: Annotated[str, Field(max_length=100)] = ""
    variant: Json
    share: Share
    metric: Metric
    effect: Effect


@router.get("")
async def listed(kept: Kept, person: Admin) -> Json:
    """All experiments, newest first, with what is known of each."""
    return {"items": await kept.listed()}


@router.get("/targets")
async def targets(kept: Kept, person: Admin) -> Json:
    """What can be tried."""
    return kept.targets()


@router.get("/plan")
async def plan(
    kept: Kept,
    person: Admin,
    metric: Metric,
    effect: Annotated[float, Query(gt=0, le=60)],
    share: Annotated[float, Query(gt=0, le=1)],
) -> Json:
    """How many conversations and days an experiment is likely to take."""
    return await kept.plan(metric, effect, share)


@router.post("", status_code=201, dependencies=CHANGE)
async def begin(kept: Kept, person: Admin, given: NewExperiment) -> Json:
    """Starts an experiment; 409 where the same place is being tried, 422 where the variant cannot be used."""
    return await kept.begin(given.model_dump(), person.username)


@router.post("/{number}/stop", dependencies=CHANGE)
async def stop(kept: Kept, person: Admin, number: RowId) -> Json:
    """Ends an experiment: everybody meets A again."""
    return await kept.end(number, person.username, adopt=False)


@router.post("/{number}/adopt", dependencies=CHANGE)
async def adopt(kept: Kept, person: Admin, number: RowId) -> Json:
    """Ends an experiment: everybody meets B from now on."""
    return await kept.end(number, person.username, adopt=True)
