"""REST for staff accounts: made, renamed, given another role, disabled, given a new password. For administrators.

Where people work (teams, languages, capacity) is `PATCH /api/staff/{username}`, which supervisors may use too.
"""

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import delete, update

from server.gateway.graph_refusals import Refusal
from server.gateway.passwords import hash_password, new_password
from server.gateway.rest import Ports
from server.gateway.rest_safety import CHANGE, Admin
from server.storage.audit import Audit
from server.storage.store import Staff
from server.storage.tables import sessions, staff

Json = dict[str, Any]
Role = Literal["agent", "supervisor", "admin"]
Name = Annotated[str, Field(min_length=1, max_length=100)]
router = APIRouter(prefix="/api/staff")


class NewAccount(BaseModel):
    """An account to make."""

    model_config = ConfigDict(extra="forbid")
    username: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._-]+$")]
    name: Name
    role: Role = "agent"


class Account(BaseModel):
    """What an administrator changes of an account; what is left out stays."""

    model_config = ConfigDict(extra="forbid")
    name: Name | None = None
    role: Role | None = None
    active: bool | None = None


@router.post("", status_code=201, dependencies=CHANGE)
async def add(given: Ports, person: Admin, account: NewAccount, request: Request) -> Json:
    """Makes an account; its ``password`` is in this answer and nowhere else."""
    password = new_password()
    hashed = await asyncio.to_thread(hash_password, password)
    audit: Audit = request.app.state.safety.audit
    async with given.conversations.store.write() as tx:
        if not await tx.add_staff(account.username, account.name, account.role, hashed):
            raise Refusal("conflict", "company.staff_exists", {"name": account.username})
        await audit.note_in(tx, person.username, "staff.added", f"staff:{account.username}", role=account.role)
    return {"username": account.username, "password": password}


@router.patch("/{username}/account", dependencies=CHANGE)
async def change(given: Ports, person: Admin, username: str, change: Account, request: Request) -> Json:
    """Changes name or role, disables or enables. Who is disabled or gets another role is signed out."""
    store = given.conversations.store
    account = await _account(given, username)
    values = {key: value for key, value in change.model_dump(exclude_none=True).items() if value != _of(account, key)}
    weaker = "role" in values or values.get("active") is False
    if weaker and username == person.username:
        raise Refusal("conflict", "company.staff_self")
    admins = [one for one in await store.all_staff() if one.role == "admin" and one.active]
    if weaker and [one.username for one in admins] == [username]:
        raise Refusal("conflict", "company.staff_last_admin")
    if values:
        audit: Audit = request.app.state.safety.audit
        async with store.write() as tx:
            await tx.execute(update(staff).where(staff.c.username == username).values(**values))
            if weaker:
                await tx.execute(delete(sessions).where(sessions.c.username == username))
            await audit.note_in(tx, person.username, "staff.changed", f"staff:{username}", **values)
        given.conversations.changed.set()
    return {**{key: _of(account, key) for key in ("username", "name", "role", "active")}, **values}


@router.post("/{username}/password", dependencies=CHANGE)
async def reset_password(given: Ports, person: Admin, username: str, request: Request) -> Json:
    """Gives an account a new password, told once, and ends its sessions."""
    await _account(given, username)
    password = new_password()
    hashed = await asyncio.to_thread(hash_password, password)
    audit: Audit = request.app.state.safety.audit
    async with given.conversations.store.write() as tx:
        await tx.set_password(username, hashed)
        await audit.note_in(tx, person.username, "staff.password", f"staff:{username}")
    return {"username": username, "password": password}


async def _account(given: Ports, username: str) -> Staff:
    found = await given.conversations.store.staff(username)
    if found is None:
        raise Refusal("unknown", "company.staff_unknown", {"name": username})
    return found


def _of(account: Staff, key: str) -> Any:
    return getattr(account, key)
