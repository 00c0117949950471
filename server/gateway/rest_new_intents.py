"""REST for new intents: what is understood between two trainings."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Request

from server.gateway.new_intents import NewIntents, TooManyError
from server.gateway.rest import own_page
from server.gateway.rest_safety import Admin
from server.settings import ConfigurationError

Json = dict[str, Any]


def ports(request: Request) -> NewIntents:
    """What these routes work with."""
    given: NewIntents = request.app.state.new_intents
    return given


New = Annotated[NewIntents, Depends(ports)]
router = APIRouter(prefix="/api/new-intents")


@router.get("")
async def list_new_intents(new: New, person: Admin) -> list[Json]:
    """The intents defined since the last training, with their examples."""
    return new.all()


@router.put("/{name}", dependencies=[Depends(own_page)])
async def put_new_intent(new: New, person: Admin, name: str, body: dict[str, Any]) -> Json:
    """Defines an intent that is understood from the next message on: an entry of ``intents.yml`` and ``examples``.

    422 where the definition cannot be used, 409 where too many are waiting for a training.
    """
    try:
        made = new.check(name, body)
        await new.put(made, person.username)
    except ConfigurationError as error:
        raise HTTPException(422, str(error)) from error
    except TooManyError as error:
        raise HTTPException(409, str(error)) from error
    return made.to_json()


@router.delete("/{name}", status_code=204, dependencies=[Depends(own_page)])
async def remove_new_intent(new: New, person: Admin, name: str) -> None:
    """Takes a new intent away; 404 where there is none of the name."""
    if not await new.remove(name, person.username):
        raise HTTPException(404, "there is no such new intent")
