"""REST for safety: content lists, the audit log, one customer's data, second factors, the end of sessions."""

from typing import Annotated, Any

from fastapi import APIRouter, Cookie, Depends, HTTPException, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from server.content import ListsError
from server.gateway import totp
from server.gateway.rest import LoggedIn, Ports, own_page
from server.gateway.safety import Safety
from server.gateway.staff_sessions import count_sessions, end_sessions
from server.storage.customers import TooVagueError
from server.storage.store import Staff

Json = dict[str, Any]
CHANGE = [Depends(own_page)]


def ports(request: Request) -> Safety:
    """What these routes work with."""
    given: Safety = request.app.state.safety
    return given


def admin(person: LoggedIn) -> Staff:
    """The person, if an administrator; 403 otherwise."""
    if person.role != "admin":
        raise HTTPException(403, "this is for administrators")
    return person


SafetyPorts = Annotated[Safety, Depends(ports)]
Admin = Annotated[Staff, Depends(admin)]
router = APIRouter(prefix="/api")


class ContentList(BaseModel):
    """One class: what is looked for, and what means no harm."""

    model_config = ConfigDict(extra="forbid")
    phrases: list[str] = Field(default=[], max_length=2000)
    harmless: list[str] = Field(default=[], max_length=2000)


class Said(BaseModel):
    """A text to try the lists on."""

    text: Annotated[str, Field(min_length=1, max_length=4000)]


class Customer(BaseModel):
    """One customer: a conversation's id, the customer's id or a phone number."""

    name: Annotated[str, Field(min_length=5, max_length=100)]


class Code(BaseModel):
    """A code of the authenticator app."""

    code: Annotated[str, Field(min_length=6, max_length=10)]


@router.get("/content")
async def content_lists(safety: SafetyPorts, person: Admin) -> Json:
    """The content lists in force."""
    return safety.content.lists.to_json()


@router.put("/content", dependencies=CHANGE)
async def save_content_lists(safety: SafetyPorts, person: Admin, lists: dict[str, ContentList]) -> Json:
    """Puts new content lists in force; 422 where they cannot be used."""
    given = {name: one.model_dump() for name, one in lists.items()}
    try:
        return (await safety.content.save(given, person.username)).to_json()
    except ListsError as error:
        raise HTTPException(422, str(error)) from None


@router.post("/content/try", dependencies=CHANGE)
async def try_content(safety: SafetyPorts, person: Admin, said: Said) -> Json:
    """What the lists make of a text: from a customer, and as a reply of the bot."""
    response, verdict = safety.content.respond(said.text), safety.content.forbids(said.text)
    return {
        "customer": {"class": response.verdict.kind, "phrase": response.verdict.phrase} if response else None,
        "reply": {"class": verdict.kind, "phrase": verdict.phrase} if verdict else None,
    }


@router.get("/audit")
async def audit_log(  # noqa: PLR0917 (FastAPI names them all)
    safety: SafetyPorts,
    person: Admin,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    before: Annotated[int | None, Query(ge=1, lt=2**53)] = None,
    actor: Annotated[str | None, Query(max_length=64)] = None,
    target: Annotated[str | None, Query(max_length=120)] = None,
    q: Annotated[str | None, Query(max_length=120)] = None,
) -> Json:
    """The audit log, newest first; ``q`` is looked for in who did what to what."""
    return {"items": await safety.audit.page(limit=limit, before=before, actor=actor, target=target, words=q)}


@router.post("/customers/export", dependencies=CHANGE)
async def export_customer(safety: SafetyPorts, person: Admin, customer: Customer) -> Json:
    """Everything that is stored about one customer. POST, so that no number stands in an address."""
    ids = await _conversations(safety, customer)
    await safety.audit.note(
        person.username, "customer.exported", safety.audit.customer(customer.name), conversations=len(ids)
    )
    return {"conversations": ids, "data": await safety.data.export(ids)}


@router.post("/customers/audit", dependencies=CHANGE)
async def audit_of_customer(safety: SafetyPorts, person: Admin, customer: Customer) -> Json:
    """Who looked at one customer's conversations, exported or erased them: the newest 200 entries."""
    ids = await _conversations(safety, customer)
    return {"items": await safety.audit.about(customer.name, ids, limit=200)}


@router.post("/customers/erase", dependencies=CHANGE)
async def erase_customer(safety: SafetyPorts, person: Admin, customer: Customer) -> Json:
    """Erases everything that is stored about one customer; it cannot be taken back."""
    ids = await _conversations(safety, customer)
    gone = await safety.data.erase(ids, [customer.name])
    await safety.audit.note(
        person.username, "customer.erased", safety.audit.customer(customer.name), conversations=len(ids)
    )
    return {"conversations": ids, "erased": gone}


@router.get("/sessions")
async def my_sessions(given: Ports, safety: SafetyPorts, person: LoggedIn) -> Json:
    """How many sessions one has, and whether one logs in with a second factor."""
    store = given.conversations.store
    return {
        "sessions": await count_sessions(store, person.username),
        "second_factor": await safety.factors.wanted(person.username),
    }


@router.delete("/sessions", dependencies=CHANGE)
async def end_my_other_sessions(
    given: Ports, safety: SafetyPorts, person: LoggedIn, kefu_session: Annotated[str | None, Cookie()] = None
) -> Json:
    """Ends all of one's sessions but this one."""
    ended = await end_sessions(given.conversations.store, person.username, but=kefu_session)
    await safety.audit.note(person.username, "sessions.ended", f"staff:{person.username}", count=ended)
    return {"ended": ended}


@router.delete("/staff/{username}/sessions", dependencies=CHANGE)
async def end_sessions_of(given: Ports, safety: SafetyPorts, person: Admin, username: str) -> Json:
    """Ends all sessions of an account; their desks close within seconds."""
    if await given.conversations.store.staff(username) is None:
        raise HTTPException(404, "there is no such account")
    ended = await end_sessions(given.conversations.store, username)
    await safety.audit.note(person.username, "sessions.ended", f"staff:{username}", count=ended)
    return {"ended": ended}


@router.post("/session/second-factor", status_code=201, dependencies=CHANGE)
async def begin_second_factor(given: Ports, safety: SafetyPorts, person: LoggedIn) -> Json:
    """A secret for an authenticator app; it is in force once a code has confirmed it. 409 where one is in force."""
    secret = await safety.factors.begin(person.username)
    if secret is None:
        raise HTTPException(409, "a second factor is in force; remove it first")
    uri = totp.address(secret, person.username, "Kefu")
    return {"secret": secret, "uri": uri, "qr": totp.picture(uri)}


@router.put("/session/second-factor", status_code=204, dependencies=CHANGE)
async def confirm_second_factor(given: Ports, safety: SafetyPorts, person: LoggedIn, code: Code) -> None:
    """Puts the new secret in force; 403 where the code is wrong."""
    await _may_try(given, person)
    if not await safety.factors.accepts(person.username, code.code, given.clock(), confirm=True):
        raise HTTPException(403, "the code is wrong")
    await safety.audit.note(person.username, "second_factor.set", f"staff:{person.username}")


@router.post("/session/second-factor/removal", status_code=204, dependencies=CHANGE)
async def remove_second_factor(given: Ports, safety: SafetyPorts, person: LoggedIn, code: Code) -> None:
    """Takes one's second factor away; 403 where the code is wrong."""
    await _may_try(given, person)
    if not await safety.factors.accepts(person.username, code.code, given.clock()):
        raise HTTPException(403, "the code is wrong")
    await safety.factors.remove(person.username)
    await safety.audit.note(person.username, "second_factor.removed", f"staff:{person.username}")


async def _may_try(given: Ports, person: Staff) -> None:
    if not await given.logins_allowed.allow(f"second factor {person.username}"):
        raise HTTPException(429, "too many tries; please wait a minute", headers={"Retry-After": "60"})


async def _conversations(safety: Safety, customer: Customer) -> list[str]:
    try:
        return await safety.data.conversations_of(customer.name)
    except TooVagueError as error:
        raise HTTPException(422, str(error)) from None
