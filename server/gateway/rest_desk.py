"""The desk's REST routes: lists, one conversation with all that belongs to it, search, replies, reviews, the floor."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Depends, HTTPException, Path, Query, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import BaseModel, Field, model_validator

from actions.accounts import AccountsClient, AccountsError, NotFoundError
from server.gateway import statistics
from server.gateway.casework import Casework
from server.gateway.contact import is_email
from server.gateway.conversations import release_of
from server.gateway.floor import rating_of
from server.gateway.library_live import LiveLibrary
from server.gateway.replies import Replies, ShortcutTakenError, filled
from server.gateway.rest import LoggedIn, own_page
from server.gateway.reviews import Reviews
from server.gateway.tokens import Tokens
from server.gateway.transcripts import Mailer, MailError, as_json, as_text
from server.gateway.uploads import Uploads
from server.gateway.upstream import Upstream, UpstreamError
from server.storage.audit import Audit
from server.storage.desk import BadCursorError, Filter, cursor_of
from server.storage.search import parts_of
from server.storage.store import Conversation, Escalation, Staff, Turn, iso
from server.texts import render, render_value

Json = dict[str, Any]
MAX_PAGE = 200
MAX_FOUND = 50
OUTCOMES = ("solved", "follow_up", "not_solved", "no_reply")
ACCOUNTS_DEADLINE_S = 4.0
TIMELINE = frozenset(
    {"escalation", "assigned", "taken", "released", "transferred", "snoozed", "woken", "mode", "closed", "reopened"}
)
"""Events that say how a conversation changed hands."""


@dataclass(frozen=True, slots=True)
class DeskRest:
    """What the routes work with."""

    casework: Casework
    replies: Replies
    reviews: Reviews
    uploads: Uploads
    mailer: Mailer
    accounts: AccountsClient
    library: LiveLibrary
    upstream: Upstream
    tokens: Tokens
    translates: bool
    summarises: bool
    clock: Any


def given_ports(request: Request) -> DeskRest:
    """The ports of this gateway."""
    given: DeskRest = request.app.state.desk_rest
    return given


def leading(person: LoggedIn) -> Staff:
    """A person who leads; 403 for others."""
    if not person.leads:
        raise HTTPException(403, "this is for supervisors and administrators")
    return person


Ports = Annotated[DeskRest, Depends(given_ports)]
RowId = Annotated[int, Path(ge=1, lt=2**53)]
"""Larger numbers are none that a database takes."""
Leading = Annotated[Staff, Depends(leading)]
CHANGE = [Depends(own_page)]
router = APIRouter(prefix="/api")


async def visible(given: Ports, person: LoggedIn, conversation: str) -> Conversation:
    """A conversation that this person may see; 404 where there is none, or none for them."""
    state = await given.casework.conversations.store.conversation(conversation)
    if state is None or not await given.casework.conversations.floor.reads.may_see(person, conversation):
        raise HTTPException(404, "there is no such conversation")
    return state


async def opened(person: LoggedIn, state: Annotated[Conversation, Depends(visible)], request: Request) -> Conversation:
    """The same, and the audit log says who looked."""
    await request.app.state.safety.audit.opened(person.username, state.id, state.account or state.customer)
    return state


Visible = Annotated[Conversation, Depends(opened)]


# ------------------------------------------------------------------ the desk and its lists


@router.get("/desk")
async def desk(given: Ports, person: LoggedIn) -> Json:
    """What the desk's page needs once: who is there, teams, targets, opening hours, codes."""
    conversations = given.casework.conversations
    floor, company = conversations.floor, conversations.company
    now = given.clock()
    opens = company.opens_at(now)
    return {
        "me": _staff_json(person, floor.capacity(person)),
        "agents": await floor.colleague_list(),
        "teams": [
            {"id": team.id, "name": team.name, "skills": list(team.skills), "topics": list(team.topics)}
            for team in company.desk.teams
        ],
        "targets": {"pick_up_s": company.desk.pick_up_s, "reply_s": company.desk.reply_s},
        "offer_s": company.desk.offer_s,
        "outcomes": list(OUTCOMES),
        "tags": await floor.reads.tags(),
        "office": {"open": company.is_open(now), "opens_at": iso(opens) if opens else None},
        "counts": await floor.reads.counts(person),
        "mail": given.mailer.ready,
        "translation": given.translates,
        "summary": given.summarises,
        "max_upload_bytes": given.uploads.max_bytes,
    }


@router.get("/conversations")
async def conversations(  # noqa: PLR0917 (FastAPI names them all)
    given: Ports,
    person: LoggedIn,
    state: Literal["waiting", "mine", "all", "snoozed", "closed"] = "waiting",
    q: Annotated[str | None, Query(max_length=200)] = None,
    language: Annotated[str | None, Query(max_length=5)] = None,
    reason: Annotated[str | None, Query(max_length=40)] = None,
    team: Annotated[str | None, Query(max_length=40)] = None,
    topic: Annotated[str | None, Query(max_length=64)] = None,
    agent: Annotated[str | None, Query(max_length=64)] = None,
    priority: Annotated[int | None, Query(ge=0, le=3)] = None,
    customer: Annotated[str | None, Query(max_length=100)] = None,
    since: Annotated[str | None, Query(max_length=32)] = None,
    until: Annotated[str | None, Query(max_length=32)] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
    cursor: Annotated[str | None, Query(max_length=100)] = None,
    before: Annotated[int | None, Query(ge=1, lt=2**63)] = None,
) -> Json:
    """Escalated conversations that the person may see, filtered, a page at a time; ``next`` begins the next."""
    wanted = Filter(
        state=state,
        query=q.strip() if q and q.strip() else None,
        language=language,
        reason=reason,
        team=team,
        topic=topic,
        agent=agent,
        priority=priority,
        account=customer,
        since=since,
        until=until,
    )
    floor = given.casework.conversations.floor
    try:
        found = await floor.reads.page(person, wanted, limit=limit + 1, cursor=cursor, before=before)
    except BadCursorError as error:
        raise HTTPException(422, str(error)) from error
    page = found[:limit]
    answer: Json = {"items": await floor.rows(page)}
    if len(found) > limit:
        answer["next"] = cursor_of(page[-1][0], closed=state == "closed")
    return answer


@router.get("/conversations/counts")
async def counts(given: Ports, person: LoggedIn) -> Json:
    """How many conversations each list has."""
    found: Json = dict(await given.casework.conversations.floor.reads.counts(person))
    return found


@router.get("/search")
async def search(
    given: Ports,
    person: LoggedIn,
    q: Annotated[str, Query(min_length=1, max_length=200)],
    limit: Annotated[int, Query(ge=1, le=MAX_FOUND)] = 20,
    before: Annotated[int | None, Query(ge=1, lt=2**63)] = None,
) -> Json:
    """Messages and internal notes that contain the words, newest first; a note's ``seq`` is the message before it."""
    reads = given.casework.conversations.floor.reads
    found = await reads.search(person, q, limit=limit, before=before)
    newest = await reads.escalations_of([one.state.id for _, one in found])
    items = []
    for _, (message, state) in found:
        last = next(reversed(newest.get(state.id, [])), None)
        items.append(
            {
                "conversation": state.id,
                "seq": message.seq,
                "role": message.role,
                "name": message.extra.get("name"),
                "at": message.at,
                "text": message.text,
                "parts": parts_of(message.text, q),
                "mode": state.mode,
                "reason": last.reason if last else None,
                "topic": last.topic if last else None,
                "customer": state.account,
            }
        )
    return {"items": items, "next": found[-1][0] if len(found) == limit else None}


# ------------------------------------------------------------------ one conversation


@router.get("/conversations/{conversation}")
async def conversation(given: Ports, person: LoggedIn, state: Visible) -> Json:
    """One conversation: mode, messages, notes, and its escalations, the newest with its context."""
    shared = given.casework.conversations
    store, floor = shared.store, shared.floor
    escalations = (await floor.reads.escalations_of([state.id])).get(state.id, [])
    names = {one.username: one.name for one in await store.all_staff()}
    events = await store.desk_events(after=0, conversation=state.id, dated=True)
    got, read = await shared.receipts.reached(store, state.id)
    draft = given.casework.drafts.get(state.id)
    newest = None
    if escalations:
        (row,) = await floor.rows([(escalations[-1], state)])
        newest = {**row, "skill": escalations[-1].skill, "context": escalations[-1].context}
    return {
        "conversation": state.id,
        "mode": state.mode,
        "locale": state.locale,
        "channel": state.channel,
        "agent": state.agent,
        "agent_name": names.get(state.agent or "", state.agent),
        "customer": state.account,
        "created": state.created,
        "read_by_agent": state.agent_read,
        "delivered_to_customer": got,
        "read_by_customer": read,
        "contact": state.contact,
        "messages": [message.frame() for message in await store.messages(state.id)],
        "notes": [frame for frame in events if frame["type"] == "message" and frame.get("role") == "note"],
        "escalation": newest,
        "escalations": [_past(one, names) for one in escalations],
        "events": [_without_context(frame) for frame in events if frame["type"] in TIMELINE],
        "marks": [frame for frame in events if frame["type"] == "marked"],
        "feedback": await store.feedback_of(state.id),
        "draft": {"agent": draft.agent, "name": draft.name, "text": draft.text} if draft else None,
    }


@router.get("/conversations/{conversation}/decisions")
async def decisions(given: Ports, state: Visible, seq: Annotated[int | None, Query(ge=1, lt=2**53)] = None) -> Json:
    """Why the bot said what it said: the record of every turn, or of the turn that the message ``seq`` belongs to."""
    store = given.casework.conversations.store
    turn = None
    if seq is not None:
        turn = await store.turn_of(state.id, seq)
        if turn is None:
            return {"items": []}
    return {"items": [_decision(one) for one in await store.turn_records(state.id, turn)]}


@router.get("/conversations/{conversation}/customer")
async def customer(given: Ports, person: LoggedIn, state: Visible) -> Json:
    """One customer view: the account record as far as it can be had, and the conversations over all channels."""
    if state.account is None:
        return {"customer": None, "conversations": []}
    record: Json = {}
    try:
        async with asyncio.timeout(ACCOUNTS_DEADLINE_S):
            record = await _account(given.accounts.in_language(state.locale), state.account)
    except NotFoundError:
        record = {"customer": None, "error": "not_found"}
    except (AccountsError, TimeoutError):
        record = {"customer": None, "error": "unavailable"}
    return {**record, "conversations": await _earlier(given, person, state)}


async def _account(accounts: AccountsClient, account: str) -> Json:
    found = await accounts.get_customer(account)
    lines, bills, tickets = await asyncio.gather(
        asyncio.gather(*(accounts.get_line(line) for line in found.lines)),
        accounts.get_bills(account),
        accounts.list_tickets(account),
    )
    return {
        "customer": {
            **found.model_dump(mode="json", exclude={"lines"}),
            "lines": [line.model_dump(mode="json") for line in lines],
        },
        "bills": [bill.model_dump(mode="json") for bill in bills[:3]],
        "tickets": [ticket.model_dump(mode="json") for ticket in tickets[:5]],
    }


async def _earlier(given: DeskRest, person: Staff, state: Conversation) -> list[Json]:
    shared = given.casework.conversations
    reads = shared.floor.reads
    found = await reads.earlier(state.account or "")
    escalations = await reads.escalations_of([one.id for one in found])
    names = {one.username: one.name for one in await shared.store.all_staff()}
    items = []
    for one in found:
        last: Escalation | None = next(reversed(escalations.get(one.id, [])), None)
        topic = shared.company.intents.get(last.topic or "") if last else None
        items.append(
            {
                "conversation": one.id,
                "channel": one.channel,
                "created": one.created,
                "mode": one.mode,
                "messages": one.last_seq,
                "topic": last.topic if last else None,
                "topic_label": topic.label if topic else None,
                "summary": last.summary if last else None,
                "outcome": last.outcome if last else None,
                "agent_name": names.get(last.agent or "", last.agent) if last else None,
                "rating": rating_of(last) if last else None,
                "visible": await reads.may_see(person, one.id),
            }
        )
    return items


class Recipient(BaseModel):
    """Where a transcript goes."""

    email: Annotated[str, Field(max_length=320)]


@router.get("/conversations/{conversation}/transcript")
async def transcript(
    given: Ports,
    state: Visible,
    kind: Annotated[Literal["txt", "json"], Query(alias="format")] = "txt",
    lang: Literal["zh", "en"] | None = None,
) -> Response:
    """The transcript as a file; notes are not in it."""
    shared = given.casework.conversations
    messages = await shared.store.messages(state.id)
    headers = {"Content-Disposition": f'attachment; filename="conversation-{state.id[:8]}.{kind}"'}
    if kind == "json":
        return JSONResponse(as_json(state, messages), headers=headers)
    return PlainTextResponse(as_text(shared.company, state, messages, lang or state.locale), headers=headers)


@router.post("/conversations/{conversation}/transcript", status_code=202, dependencies=CHANGE)
async def send_transcript(given: Ports, state: Visible, recipient: Recipient) -> Json:
    """Sends the transcript by e-mail; 503 where no mail server is set up, 502 where it refuses."""
    if not is_email(recipient.email):
        raise HTTPException(422, "this is not an e-mail address")
    if not given.mailer.ready:
        raise HTTPException(503, "no mail server is set up: set smtp_host and mail_from")
    shared = given.casework.conversations
    named = {"company": render_value(shared.company.name, state.locale)}
    text = as_text(shared.company, state, await shared.store.messages(state.id), state.locale)
    body = f"{render('transcript.hello', named, state.locale)}\n\n{text}"
    try:
        await given.mailer.send(recipient.email, render("transcript.subject", named, state.locale), body)
    except MailError as error:
        raise HTTPException(502, f"the mail server did not take it: {error}") from error
    return {"sent_to": recipient.email}


# ------------------------------------------------------------------ replies, knowledge, pictures


class NewReply(BaseModel):
    """A canned reply; ``{customer}``, ``{agent}``, ``{company}``, ``{team}`` and ``{ticket}`` are filled in."""

    shortcut: Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[^\s/]+$")]
    title: Annotated[str, Field(min_length=1, max_length=100)]
    text: dict[Literal["zh", "en"], Annotated[str, Field(min_length=1, max_length=4000)]]
    shared: bool = False


@router.get("/replies")
async def replies(
    given: Ports,
    person: LoggedIn,
    q: Annotated[str, Query(max_length=100)] = "",
    conversation: Annotated[str | None, Query(max_length=40)] = None,
) -> list[Json]:
    """Everybody's canned replies and one's own, those that fit ``q``; filled in for a conversation."""
    found = await given.replies.all(person.username, q)
    if conversation is None:
        return found
    state = await visible(given, person, conversation)
    values = await _variables(given, person, state)
    return [{**reply, **filled(reply["text"], values, state.locale)} for reply in found]


async def _variables(given: DeskRest, person: Staff, state: Conversation) -> Mapping[str, str]:
    shared = given.casework.conversations
    last = await shared.store.last_escalation(state.id)
    team = shared.company.desk.team(last.team) if last else None
    name = ""
    if state.account is not None:
        try:
            async with asyncio.timeout(ACCOUNTS_DEADLINE_S):
                name = (await given.accounts.in_language(state.locale).get_customer(state.account)).name
        except (AccountsError, TimeoutError):
            name = ""  # the reply is offered without the name; the agent sees the gap
    return {
        "customer": name,
        "agent": person.name,
        "company": render_value(shared.company.name, state.locale),
        "team": render_value(team.name, state.locale) if team else "",
        "ticket": state.id[:8].upper(),
    }


@router.post("/replies", status_code=201, dependencies=CHANGE)
async def add_reply(given: Ports, person: LoggedIn, reply: NewReply) -> Json:
    """Adds a canned reply; shared ones are the supervisors'."""
    owner = _owner(person, shared=reply.shared)
    try:
        return await given.replies.add(
            owner, person.username, shortcut=reply.shortcut, title=reply.title, text=reply.text
        )
    except ShortcutTakenError as error:
        raise HTTPException(409, f"the shortcut '{reply.shortcut}' is taken") from error


@router.put("/replies/{reply_id}", dependencies=CHANGE)
async def change_reply(given: Ports, person: LoggedIn, reply_id: RowId, reply: NewReply) -> Json:
    """Changes a canned reply."""
    await _own_reply(given, person, reply_id)
    owner = _owner(person, shared=reply.shared)
    try:
        return await given.replies.change(
            reply_id, owner, person.username, shortcut=reply.shortcut, title=reply.title, text=reply.text
        )
    except ShortcutTakenError as error:
        raise HTTPException(409, f"the shortcut '{reply.shortcut}' is taken") from error


@router.delete("/replies/{reply_id}", status_code=204, dependencies=CHANGE)
async def remove_reply(given: Ports, person: LoggedIn, reply_id: RowId) -> None:
    """Removes a canned reply."""
    await _own_reply(given, person, reply_id)
    await given.replies.remove(reply_id)


def _owner(person: Staff, *, shared: bool) -> str:
    if shared and not person.leads:
        raise HTTPException(403, "replies for everybody are kept by supervisors")
    return "" if shared else person.username


async def _own_reply(given: DeskRest, person: Staff, reply_id: RowId) -> None:
    owner = await given.replies.owner(reply_id)
    if owner is None or (owner and owner != person.username):
        raise HTTPException(404, "there is no such reply")
    if owner == "" and not person.leads:
        raise HTTPException(403, "replies for everybody are kept by supervisors")


@router.get("/knowledge")
async def knowledge(
    given: Ports,
    person: LoggedIn,
    q: Annotated[str, Query(min_length=1, max_length=400)],
    lang: Literal["zh", "en"] = "zh",
    k: Annotated[int, Query(ge=1, le=10)] = 5,
) -> Json:
    """Passages of the help articles by meaning, as the bot finds them."""
    try:
        return await given.library.search(q, lang, k)
    except UpstreamError as error:
        raise HTTPException(503, f"the search does not answer: {error.code}") from error


class Translatable(BaseModel):
    """A text to put into the other language."""

    text: Annotated[str, Field(min_length=1, max_length=4000)]
    source: Literal["zh", "en"]
    target: Literal["zh", "en"]

    @model_validator(mode="after")
    def _two_languages(self) -> Self:
        if self.source == self.target:
            raise ValueError("source and target are the same language")
        return self


@router.post("/translations", dependencies=CHANGE)
async def translate(given: Ports, person: LoggedIn, asked: Translatable) -> Json:
    """A machine translation as ``text``, or ``refused``: why there is none to be relied on.

    404 where no language model is set up, 503 where it does not answer.
    """
    if not given.translates:
        raise HTTPException(404, "not_configured: translation needs a language model; set [understanding] engine")
    try:
        return await given.upstream.translate(asked.text, asked.source, asked.target)
    except UpstreamError as error:
        raise HTTPException(503, f"the translation does not come: {error.code}") from error


# ------------------------------------------------------------------ for those who lead


class Verdict(BaseModel):
    """What became of a marked message."""

    state: Literal["open", "done", "dismissed"]


class Place(BaseModel):
    """Where a person works; what is left out stays."""

    teams: list[Annotated[str, Field(max_length=40)]] | None = None
    languages: list[Literal["zh", "en"]] | None = None
    capacity: Annotated[int, Field(ge=0, le=100)] | None = None


@router.get("/reviews")
async def reviews(
    given: Ports,
    person: Leading,
    state: Literal["open", "done", "dismissed"] = "open",
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
    before: Annotated[int | None, Query(ge=1, lt=2**63)] = None,
) -> Json:
    """Bot messages that were marked wrong, newest first."""
    return {"items": await given.reviews.page(state, limit=limit, before=before)}


@router.patch("/reviews/{review_id}", dependencies=CHANGE)
async def settle_review(given: Ports, person: Leading, review_id: RowId, verdict: Verdict) -> Json:
    """Says what became of one."""
    if not await given.reviews.settle(review_id, verdict.state):
        raise HTTPException(404, "there is no such entry")
    return {"id": review_id, "state": verdict.state}


@router.get("/supervisor")
async def supervisor(given: Ports, person: Leading, hours: Annotated[int, Query(ge=1, le=24 * 90)] = 24) -> Json:
    """The floor at a glance: live counts, who does what, waits, hand-offs, ratings, conversations with the bot."""
    shared = given.casework.conversations
    now: datetime = given.clock()
    return await statistics.overview(shared.store, shared.floor, now, timedelta(hours=hours))


@router.get("/staff")
async def all_staff(given: Ports, person: Leading) -> list[Json]:
    """The staff accounts with their places."""
    shared = given.casework.conversations
    return [
        {**_staff_json(one, shared.floor.capacity(one)), "active": one.active} for one in await shared.store.all_staff()
    ]


@router.patch("/staff/{username}", dependencies=CHANGE)
async def place(given: Ports, person: Leading, username: str, change: Place, request: Request) -> Json:
    """Changes a person's teams, languages or capacity."""
    shared = given.casework.conversations
    account = await shared.store.staff(username)
    if account is None:
        raise HTTPException(404, "there is no such account")
    unknown = [team for team in change.teams or () if shared.company.desk.team(team) is None]
    if unknown:
        raise HTTPException(422, f"there is no team '{unknown[0]}'")
    async with shared.store.write() as tx:
        values = change.model_dump(exclude_none=True)
        await tx.place_staff(username, values)
        audit: Audit = request.app.state.safety.audit
        await audit.note_in(tx, person.username, "staff.changed", f"staff:{username}", **values)
    shared.changed.set()
    changed = await shared.store.staff(username)
    assert changed is not None
    return {**_staff_json(changed, shared.floor.capacity(changed)), "active": changed.active}


def _staff_json(person: Staff, capacity: int) -> Json:
    return {
        "username": person.username,
        "name": person.name,
        "role": person.role,
        "teams": person.teams,
        "languages": person.languages,
        "capacity": capacity,
    }


def _past(escalation: Escalation, names: Mapping[str, str]) -> Json:
    return {
        "id": escalation.id,
        "reason": escalation.reason,
        "state": escalation.state,
        "since": escalation.since,
        "taken": escalation.taken,
        "ended": escalation.ended,
        "agent": escalation.agent,
        "agent_name": names.get(escalation.agent or "", escalation.agent),
        "outcome": escalation.outcome,
        "tags": escalation.tags,
        "rating": rating_of(escalation),
    }


def _without_context(frame: Json) -> Json:
    return {key: value for key, value in frame.items() if key not in {"context", "summary"}}


def _decision(turn: Turn) -> Json:
    record = turn.record
    return {
        "seq": turn.seq,
        "turn": turn.seq,
        "status": turn.status,
        "release": release_of(record),
        **{key: record.get(key) for key in ("parse", "intent", "confidence", "slots", "timings", "failure", "speech")},
        **{key: record.get(key) or [] for key in ("decisions", "bot", "passages")},
        **{key: record[key] for key in ("picture", "speech", "content", "experiments") if key in record},
    }
