"""The REST routes: the company and its articles for everybody, conversations and decision records for staff."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

import httpx
from fastapi import APIRouter, Cookie, Depends, HTTPException, Query, Request, Response
from pydantic import BaseModel, Field

from server.company import Article, Company
from server.gateway.articles import render_markdown, search
from server.gateway.conversations import Conversations
from server.gateway.library_live import LiveLibrary
from server.gateway.limits import SharedLimiter
from server.gateway.oidc import Oidc
from server.gateway.passwords import verify_password
from server.gateway.tokens import SESSION_LIFETIME, new_session, session_hash
from server.storage.audit import Audit
from server.storage.store import Staff, iso

Json = dict[str, Any]
SESSION_COOKIE = "kefu_session"
CSRF_HEADER = "x-kefu"
SECOND_FACTOR_HEADER = "X-Kefu-Second-Factor"


@dataclass(frozen=True, slots=True)
class RestPorts:
    """What the routes work with."""

    conversations: Conversations
    company: Company
    library: LiveLibrary
    clock: Any
    logins_allowed: SharedLimiter
    addresses_allowed: SharedLimiter
    secure_cookie: bool
    demo_inbox: bool
    voice: bool
    picture_bytes: int


class Credentials(BaseModel):
    """What a person logs in with."""

    username: Annotated[str, Field(max_length=64)]
    password: Annotated[str, Field(max_length=200)]
    code: Annotated[str, Field(max_length=10)] = ""


class Person(BaseModel):
    """Who is logged in."""

    username: str
    name: str
    role: str


def ports(request: Request) -> RestPorts:
    """The ports of this gateway."""
    given: RestPorts = request.app.state.rest
    return given


Ports = Annotated[RestPorts, Depends(ports)]


async def session_of(store_ports: RestPorts, token: str | None) -> Staff | None:
    """The person behind a session cookie."""
    return await store_ports.conversations.store.session(session_hash(token)) if token else None


async def staff(given: Ports, kefu_session: Annotated[str | None, Cookie()] = None) -> Staff:
    """The person who is logged in; 401 otherwise."""
    person = await session_of(given, kefu_session)
    if person is None:
        raise HTTPException(401, "log in first")
    return person


def own_page(request: Request) -> None:
    """Refuses a change that a foreign page started: a form cannot set this header, a foreign script may not."""
    if request.headers.get(CSRF_HEADER) is None:
        raise HTTPException(403, f"send the header {CSRF_HEADER}: 1")


LoggedIn = Annotated[Staff, Depends(staff)]
router = APIRouter(prefix="/api")


@router.get("/company")
async def company(given: Ports, response: Response) -> Json:
    """The company as the pages show it.

    ``demo_inbox``: its customers' messages are at /demo/inbox; ``voice``: customers can talk;
    ``picture_bytes``: how large their pictures may be, 0 where none are taken.
    """
    # The widget asks from whatever page embeds it, without cookies, for what anyone may know.
    response.headers["Access-Control-Allow-Origin"] = "*"
    return {
        **given.company.public(given.clock()),
        "demo_inbox": given.demo_inbox,
        "voice": given.voice,
        "picture_bytes": given.picture_bytes,
    }


@router.get("/articles")
async def articles(given: Ports, lang: str = "zh", q: Annotated[str, Query(max_length=200)] = "") -> list[Json]:
    """The help articles in a language, those that fit ``q`` first where it is given."""
    found = [article for article in given.library.now.articles if article.language == lang]
    return [_article_summary(article) for article in (search(found, q) if q.strip() else found)]


@router.get("/articles/{article_id}")
async def article(given: Ports, article_id: str, lang: str = "zh") -> Json:
    """One article as HTML, in another language where the asked one is missing."""
    found = given.library.article(article_id, lang)
    if found is None:
        raise HTTPException(404, "there is no such article")
    return {**_article_summary(found), "language": found.language, "html": render_markdown(found.markdown)}


@router.post("/session", dependencies=[Depends(own_page)])
async def log_in(given: Ports, credentials: Credentials, request: Request, response: Response) -> Person:
    """Logs a person in and sets the session cookie; 401 where name and password do not fit, 429 after many tries.

    An account with a second factor gives its ``code`` too; without a right one the answer is 401 with the header
    ``X-Kefu-Second-Factor``.
    """
    address = request.client.host if request.client else "?"
    safety = request.app.state.safety
    one_name = await given.logins_allowed.allow(f"{address} {credentials.username}")
    if not one_name or not await given.addresses_allowed.allow(address):
        raise HTTPException(429, "too many tries; please wait a minute", headers={"Retry-After": "60"})
    store = given.conversations.store
    person = await store.staff(credentials.username)
    stored = person.password_hash if person and person.active else None
    if not await asyncio.to_thread(verify_password, stored, credentials.password) or person is None:
        await safety.audit.note("?", "login.refused", f"staff:{person.username if person else '?'}")
        raise HTTPException(401, "user name and password do not fit")
    if await safety.factors.wanted(person.username) and not await safety.factors.accepts(
        person.username, credentials.code, given.clock()
    ):
        if credentials.code:
            await safety.audit.note("?", "login.refused", f"staff:{person.username}", second_factor=True)
        raise HTTPException(401, "the second factor's code is needed", headers={SECOND_FACTOR_HEADER: "1"})
    await open_session(given, safety.audit, person, response)
    return _person(person)


async def open_session(
    given: RestPorts, audit: Audit, person: Staff, response: Response, *, issuer: str | None = None
) -> None:
    """Begins a session and gives the response its cookie; ``issuer`` vouched for the person where no password did."""
    token = new_session()
    now: datetime = given.clock()
    by = {"by": "oidc"} if issuer else {}
    async with given.conversations.store.write() as tx:
        await tx.add_session(session_hash(token), person.username, iso(now + SESSION_LIFETIME), issuer)
        await audit.note_in(tx, person.username, "login", f"staff:{person.username}", **by)
    response.set_cookie(
        SESSION_COOKIE,
        token,
        max_age=int(SESSION_LIFETIME / timedelta(seconds=1)),
        httponly=True,
        samesite="strict",
        secure=given.secure_cookie,
    )


@router.get("/session")
async def who(person: LoggedIn) -> Person:
    """Who is logged in."""
    return _person(person)


@router.delete("/session", dependencies=[Depends(own_page)])
async def log_out(
    given: Ports, request: Request, response: Response, kefu_session: Annotated[str | None, Cookie()] = None
) -> Json:
    """Ends the session; ``continue`` is where the browser ends the one at the company's own sign-in, or null."""
    elsewhere = None
    if kefu_session:
        async with given.conversations.store.write() as tx:
            issuer = await tx.end_session(session_hash(kefu_session))
        oidc: Oidc | None = request.app.state.oidc
        if issuer and oidc is not None:
            elsewhere = await oidc.end_address()
    response.delete_cookie(SESSION_COOKIE)
    return {"continue": elsewhere}


@router.get("/intents")
async def intents(given: Ports, person: LoggedIn) -> list[Json]:
    """The intents that the assistant tells apart, with what staff call them."""
    return [
        {"name": one.name, "label": one.label, "description": one.description, "do": one.do}
        for one in given.company.intents.values()
    ]


demo_router = APIRouter(prefix="/api/demo")


@demo_router.get("/inbox")
async def demo_inbox(request: Request, customer: Annotated[str, Query(max_length=100)] = "") -> Any:
    """The demo customers' inbox: one-time codes and payment requests, which a real company sends by text message."""
    return await _demo_back_end(request, "GET", "/demo/inbox", {"customer": customer} if customer else {})


@demo_router.post("/payment-requests/{bill}/accept", dependencies=[Depends(own_page)])
async def accept_payment(request: Request, bill: str) -> Any:
    """The demo customer pays a requested bill."""
    if not bill.replace("-", "").isalnum():
        raise HTTPException(404, "there is no such bill")
    return await _demo_back_end(request, "POST", f"/demo/payment-requests/{bill}/accept", {})


async def _demo_back_end(request: Request, method: str, path: str, params: dict[str, str]) -> Any:
    client: httpx.AsyncClient = request.app.state.accounts_http
    try:
        answer = await client.request(method, path, params=params, timeout=3)
    except httpx.HTTPError as error:
        raise HTTPException(502, "the demo account back end does not answer") from error
    if answer.is_error:
        raise HTTPException(answer.status_code, "the demo account back end refused this")
    return answer.json()


def _person(person: Staff) -> Person:
    return Person(username=person.username, name=person.name, role=person.role)


def _article_summary(article: Article) -> Json:
    return {
        "id": article.id,
        "title": article.title,
        "category": article.category,
        "summary": article.summary,
        "url": f"/help/{article.id}",
    }
