"""REST for signing in by the company's own accounts: what the login page offers, the way out, and the way back."""

import asyncio
import logging
import secrets
from typing import Annotated, Literal

from fastapi import APIRouter, Cookie, Depends, HTTPException, Query, Request
from fastapi.responses import RedirectResponse
from sqlalchemy import insert, select, update

from server.gateway.oidc import BEGUN_FOR_S, CALLBACK, Identity, Oidc, SignInError
from server.gateway.passwords import hash_password
from server.gateway.rest import Json, Ports, open_session
from server.storage.audit import Audit
from server.storage.store import Staff, Store, Tx
from server.storage.tables import identities, staff

logger = logging.getLogger(__name__)
COOKIE = "kefu_sign_in"
_PATH = CALLBACK.rpartition("/")[0]
router = APIRouter(prefix="/api")


def provider(request: Request) -> Oidc:
    """The company's provider; 404 where none is set up."""
    given: Oidc | None = request.app.state.oidc
    if given is None:
        raise HTTPException(404, "no provider is set up: the table [oidc] of the settings names one")
    return given


Provider = Annotated[Oidc, Depends(provider)]


@router.get("/session/ways")
async def ways(request: Request) -> Json:
    """How one can log in: ``oidc`` names the company's own accounts where they are set up, and is null otherwise."""
    given: Oidc | None = request.app.state.oidc
    return {"password": True, "oidc": given and {"name": given.name, "address": _PATH}}


@router.get("/session/oidc")
async def begin_sign_in(
    given: Ports, oidc: Provider, request: Request, to: Literal["desk", "admin"] = "desk"
) -> RedirectResponse:
    """Sends the browser to the company's sign-in; 404 where none is set up."""
    if not await given.addresses_allowed.allow(_address(request)):
        raise HTTPException(429, "too many tries; please wait a minute", headers={"Retry-After": "60"})
    try:
        begun = await oidc.begin(to)
    except SignInError as error:
        logger.warning("a sign-in could not begin: %s", error)
        return _back(to, error.reason)
    response = RedirectResponse(begun.address, 303)
    response.set_cookie(
        COOKIE, begun.cookie, max_age=BEGUN_FOR_S, path=_PATH, httponly=True, samesite="lax", secure=given.secure_cookie
    )
    return response


@router.get("/session/oidc/callback")
async def end_sign_in(  # noqa: PLR0917 (FastAPI names them all)
    given: Ports,
    oidc: Provider,
    request: Request,
    code: Annotated[str, Query(max_length=4000)] = "",
    state: Annotated[str, Query(max_length=200)] = "",
    error: Annotated[str, Query(max_length=200)] = "",
    kefu_sign_in: Annotated[str, Cookie()] = "",
) -> RedirectResponse:
    """Where the company's sign-in sends the browser back: opens a session, or says on the login page why not."""
    if not await given.addresses_allowed.allow(_address(request)):
        raise HTTPException(429, "too many tries; please wait a minute", headers={"Retry-After": "60"})
    audit: Audit = request.app.state.safety.audit
    to = "desk"
    try:
        begun = oidc.opened(kefu_sign_in, state)
        to = begun["to"]
        if error or not code:
            raise SignInError("denied", "the provider sent no code")
        who = await oidc.identity(code, begun)
        person = await account_of(given.conversations.store, audit, who)
    except SignInError as refused:
        logger.warning("a sign-in was refused: %s", refused)
        await audit.note("?", "login.refused", "", by="oidc", reason=refused.reason)
        response = _back(to, refused.reason)
    else:
        response = RedirectResponse(f"/{to}", 303)
        await open_session(given, audit, person, response, issuer=who.issuer)
    response.delete_cookie(COOKIE, path=_PATH)
    return response


async def account_of(store: Store, audit: Audit, who: Identity) -> Staff:
    """The staff account of somebody whom the provider vouches for, made at the first sign-in; the claim gives the role.

    Raises:
        SignInError: An account of that name belongs to somebody else, or the account is disabled.
    """
    # Nobody knows this password: such an account opens by the provider until `kefu user passwd` gives it one.
    nobody_knows = await asyncio.to_thread(hash_password, secrets.token_urlsafe(32))
    async with store.write() as tx:
        username = await _username(tx, who)
        if username is None:
            username = who.username
            if not await tx.add_staff(username, who.name, who.role, nobody_knows):
                raise SignInError("taken", f"the account '{username}' is not linked: kefu user link {username} SUBJECT")
            await tx.execute(insert(identities).values(issuer=who.issuer, subject=who.subject[:255], username=username))
            await audit.note_in(tx, "oidc", "staff.added", f"staff:{username}", role=who.role)
        known = (await tx.execute(select(staff.c.role, staff.c.active).where(staff.c.username == username))).one()
        if not known.active:
            raise SignInError("disabled", f"the account '{username}' is disabled")
        if known.role != who.role:
            await tx.execute(update(staff).where(staff.c.username == username).values(role=who.role))
            await audit.note_in(tx, "oidc", "staff.role", f"staff:{username}", role=who.role, before=known.role)
    person = await store.staff(username)
    assert person is not None
    return person


async def _username(tx: Tx, who: Identity) -> str | None:
    mine = (identities.c.issuer == who.issuer, identities.c.subject == who.subject[:255])
    row = (await tx.execute(select(identities.c.username).where(*mine))).first()
    return None if row is None else str(row.username)


def _back(to: str, reason: str) -> RedirectResponse:
    return RedirectResponse(f"/{to}?sign_in={reason}", 303)


def _address(request: Request) -> str:
    return request.client.host if request.client else "?"
