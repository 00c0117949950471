"""The account contract over HTTP, and the demo's inbox besides it."""

from __future__ import annotations

import hashlib
import logging
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Annotated, Any, cast

from fastapi import FastAPI, Header, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from server.accounts import schemas
from server.accounts.problems import MEDIA_TYPE, Conflict, Invalid, NotAllowed, NotFound, Problem, Unavailable
from server.accounts.rules import Accounts, Clock
from server.accounts.seed import seed
from server.accounts.store import Document, Store

log = logging.getLogger(__name__)

Key = Annotated[str, Header(alias="Idempotency-Key", min_length=1, max_length=100)]

_LANGUAGES = ("zh", "en")
_BY_STATUS = {404: NotFound, 405: Invalid, 403: NotAllowed}


def create_app(data_file: Path, *, clock: Clock, seed_file: Path | None = None) -> FastAPI:
    """Make the back end's application.

    Args:
        data_file: The SQLite file that holds everything; it is made where it does not exist.
        clock: Answers the present moment with a time zone, whose days are the company's days.
        seed_file: The company's ``accounts.json``, read when the data file is new.

    Raises:
        SeedError: The seed file cannot be used.
    """
    store = Store(data_file)
    if seed_file is not None:
        try:
            seed(store, seed_file, now=clock())
        except Exception:
            store.close()
            raise
    accounts = Accounts(store, clock)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        store.close()

    app = FastAPI(
        title="Account back end",
        version="1",
        description=(
            "What the assistant needs from a company's customer and billing systems. Every write takes an "
            "Idempotency-Key: the same key answers the same result and acts once. Amounts are decimal strings with a "
            "currency, data volumes in GB, times ISO 8601 UTC. Errors are problem documents (RFC 9457) whose type is "
            "not_found, not_allowed, conflict, invalid or unavailable. Where a text exists in several languages, "
            "Accept-Language chooses."
        ),
        lifespan=lifespan,
        responses={"4XX": {"model": schemas.ProblemDocument}},
    )
    app.state.store = store
    _handle_errors(app)
    _add_reads(app, accounts)
    _add_writes(app, accounts, store)
    _add_demo_routes(app, accounts, store)
    return app


def _handle_errors(app: FastAPI) -> None:
    @app.exception_handler(Problem)
    async def _problem(_request: Request, problem: Problem) -> JSONResponse:
        return _problem_response(problem)

    @app.exception_handler(RequestValidationError)
    async def _validation(_request: Request, error: RequestValidationError) -> JSONResponse:
        faults = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}" for fault in error.errors()
        )
        return _problem_response(Invalid(faults))

    @app.exception_handler(HTTPException)
    async def _http(_request: Request, error: HTTPException) -> JSONResponse:
        problem = _BY_STATUS.get(error.status_code, Invalid)(str(error.detail))
        return _problem_response(problem, status=error.status_code)

    @app.exception_handler(sqlite3.Error)
    async def _store_failed(_request: Request, error: sqlite3.Error) -> JSONResponse:
        log.error("the accounts file cannot be used: %s", error)
        return _problem_response(Unavailable("the accounts file cannot be used at the moment"))


def _add_reads(app: FastAPI, accounts: Accounts) -> None:
    # The contract has no null where a field may simply be absent.
    read = partial(app.get, response_model_exclude_none=True)

    @read(
        "/customers",
        operation_id="find_customers",
        response_model=list[schemas.Customer],
        response_model_exclude_none=True,
    )
    async def find_customers(
        request: Request,
        phone: Annotated[str | None, Query(max_length=40)] = None,
        name: Annotated[str | None, Query(max_length=100)] = None,
        birth_date: Annotated[str | None, Query(pattern=r"^\d{4}-\d{2}-\d{2}$")] = None,
    ) -> Any:
        """Find customers by phone number, or by name and date of birth."""
        return _in_language(accounts.find_customers(phone, name, birth_date), request)

    @read(
        "/customers/{customer}",
        operation_id="get_customer",
        response_model=schemas.Customer,
        response_model_exclude_none=True,
    )
    async def get_customer(customer: str, request: Request) -> Any:
        """Answer one customer."""
        return _in_language(accounts.customer(customer), request)

    @read(
        "/customers/{customer}/bills",
        operation_id="get_bills",
        response_model=list[schemas.Bill],
        response_model_exclude_none=True,
    )
    async def get_bills(customer: str, request: Request, limit: Annotated[int, Query(ge=1, le=120)] = 12) -> Any:
        """Answer a customer's bills, newest first."""
        return _in_language(accounts.bills(customer, limit), request)

    @read("/bills/{bill}", operation_id="get_bill", response_model=schemas.Bill)
    async def get_bill(bill: str, request: Request) -> Any:
        """Answer one bill."""
        return _in_language(accounts.bill(bill), request)

    @read("/lines/{line}", operation_id="get_line", response_model=schemas.Line)
    async def get_line(line: str, request: Request) -> Any:
        """Answer one line with its plan."""
        return _in_language(accounts.line(line), request)

    @read(
        "/lines/{line}/usage",
        operation_id="get_data_usage",
        response_model=schemas.Usage,
        response_model_exclude_none=True,
    )
    async def get_data_usage(line: str, request: Request) -> Any:
        """Answer the data used in the running billing period."""
        return _in_language(accounts.usage(line), request)

    @read("/plans", operation_id="list_plans", response_model=list[schemas.Plan])
    async def list_plans(request: Request) -> Any:
        """Answer all plans."""
        return _in_language(accounts.plans(), request)

    @read("/orders/{order}", operation_id="get_order", response_model=schemas.Order)
    async def get_order(order: str, request: Request) -> Any:
        """Answer one order."""
        return _in_language(accounts.order(order), request)

    @read(
        "/customers/{customer}/tickets",
        operation_id="list_tickets",
        response_model=list[schemas.Ticket],
        response_model_exclude_none=True,
    )
    async def list_tickets(customer: str, request: Request) -> Any:
        """Answer a customer's tickets, newest first."""
        return _in_language(accounts.tickets(customer), request)

    @read("/outages", operation_id="list_outages", response_model=list[schemas.Outage])
    async def list_outages(request: Request, area: Annotated[str | None, Query(max_length=100)] = None) -> Any:
        """Answer known outages, all of them or those of an area."""
        return _in_language(accounts.outages(area), request)


def _add_writes(app: FastAPI, accounts: Accounts, store: Store) -> None:
    once = partial(_once, store)

    @app.post(
        "/customers/{customer}/verifications",
        operation_id="send_one_time_code",
        status_code=202,
        response_model=schemas.Sent,
    )
    async def send_one_time_code(customer: str, request: Request, key: Key) -> Any:
        """Send a one-time code to the customer's own contact."""
        return once(request, key, lambda: accounts.send_code(customer), shape=schemas.Sent, status=202)

    @app.post("/verifications/{verification}", operation_id="check_one_time_code", response_model=schemas.Checked)
    async def check_one_time_code(verification: str, body: schemas.CodeBody) -> Any:
        """Compare a one-time code; 409 when it is no longer valid."""
        with store.transaction():
            return accounts.check_code(verification, body.code)

    @app.post(
        "/bills/{bill}/payment-requests",
        operation_id="send_payment_request",
        status_code=202,
        response_model=schemas.Bill,
    )
    async def send_payment_request(bill: str, request: Request, key: Key) -> Any:
        """Ask the customer to pay; the bill awaits payment until they accept."""
        return once(request, key, lambda: accounts.send_payment_request(bill), shape=schemas.Bill, status=202)

    @app.post("/lines/{line}/suspend", operation_id="suspend_line", response_model=schemas.Line)
    async def suspend_line(line: str, request: Request, key: Key, body: schemas.SuspendBody | None = None) -> Any:
        """Suspend a line."""
        body = body or schemas.SuspendBody()
        return once(request, key, lambda: accounts.suspend(line, body.reason), shape=schemas.Line, body=body)

    @app.post("/lines/{line}/resume", operation_id="resume_line", response_model=schemas.Line)
    async def resume_line(line: str, request: Request, key: Key) -> Any:
        """Lift a suspension, when the bills are paid and the contract has not ended."""
        return once(request, key, lambda: accounts.resume(line), shape=schemas.Line)

    @app.put("/lines/{line}/roaming", operation_id="set_roaming", response_model=schemas.Line)
    async def set_roaming(line: str, request: Request, key: Key, body: schemas.RoamingBody) -> Any:
        """Switch roaming on or off."""
        return once(request, key, lambda: accounts.set_roaming(line, body.enabled), shape=schemas.Line, body=body)

    @app.post("/lines/{line}/data", operation_id="refuel_data", response_model=schemas.Usage)
    async def refuel_data(line: str, request: Request, key: Key, body: schemas.RefuelBody) -> Any:
        """Add data against payment, at most 2 GB in a billing period."""
        gb = Decimal(str(body.gb))
        return once(request, key, lambda: accounts.refuel(line, gb), shape=schemas.Usage, body=body)

    @app.put("/lines/{line}/plan", operation_id="change_plan", response_model=schemas.Line)
    async def change_plan(line: str, request: Request, key: Key, body: schemas.PlanBody) -> Any:
        """Move a line to another plan."""
        return once(request, key, lambda: accounts.change_plan(line, body.plan), shape=schemas.Line, body=body)

    @app.post(
        "/customers/{customer}/tickets",
        operation_id="open_ticket",
        status_code=201,
        response_model=schemas.Ticket,
    )
    async def open_ticket(customer: str, request: Request, key: Key, body: schemas.TicketBody) -> Any:
        """Open a ticket."""
        ticket = body.model_dump()
        return once(
            request, key, lambda: accounts.open_ticket(customer, ticket), shape=schemas.Ticket, body=body, status=201
        )


def _add_demo_routes(app: FastAPI, accounts: Accounts, store: Store) -> None:
    @app.get("/demo/inbox", include_in_schema=False)
    async def inbox(customer: Annotated[str | None, Query(max_length=100)] = None) -> list[Document]:
        return accounts.inbox(customer)

    @app.post("/demo/payment-requests/{bill}/accept", include_in_schema=False)
    async def accept(bill: str, request: Request) -> Any:
        with store.transaction():
            return _shaped(schemas.Bill, accounts.accept_payment(bill), request)

    @app.get("/healthz", include_in_schema=False)
    async def health() -> dict[str, str]:
        return {"status": "ready"}


def _once(
    store: Store,
    request: Request,
    key: str,
    act: Callable[[], Document],
    *,
    shape: type[BaseModel],
    body: BaseModel | None = None,
    status: int = 200,
) -> JSONResponse:
    """Run a write, or answer what it answered before under this key. Refusals by a rule are results too."""
    asked = f"{request.method} {request.url.path} {'' if body is None else body.model_dump_json()}"
    fingerprint = hashlib.sha256(asked.encode()).hexdigest()
    with store.transaction():
        known = store.result(key)
        if known is not None:
            if known[0] != fingerprint:
                raise Conflict("this Idempotency-Key was used for another request", rule="key_reused")
            return _answer(known[1], known[2])
        problem: Problem | None = None
        try:
            answer = _shaped(shape, act(), request)
        except (NotAllowed, Conflict) as refused:
            # The rules refuse before they write, so keeping the refusal keeps nothing half done.
            problem = refused
            status, answer = refused.status, refused.document()
        store.remember(key, fingerprint, status, answer)
    return _answer(status, answer) if problem is None else _problem_response(problem)


def _answer(status: int, body: Document) -> JSONResponse:
    return JSONResponse(body, status, media_type=MEDIA_TYPE if status >= 400 else None)


def _shaped(shape: type[BaseModel], document: Document, request: Request) -> Document:
    return shape.model_validate(_in_language(document, request)).model_dump(mode="json", exclude_none=True)


def _problem_response(problem: Problem, *, status: int | None = None) -> JSONResponse:
    document = problem.document()
    if status is not None:
        document["status"] = status
    return JSONResponse(document, document["status"], media_type=MEDIA_TYPE)


def _in_language(value: Any, request: Request) -> Any:
    """Reduce texts given per language to the one that the request prefers."""
    return _localised(value, _preferred(request.headers.get("accept-language", "")))


def _preferred(header: str) -> Sequence[str]:
    asked = [part.split(";")[0].strip().split("-")[0].lower() for part in header.split(",")]
    return [language for language in asked if language in _LANGUAGES]


def _localised(value: Any, preferred: Sequence[str]) -> Any:
    if isinstance(value, list):
        return [_localised(item, preferred) for item in value]
    if not isinstance(value, dict):
        return value
    if value and value.keys() <= set(_LANGUAGES):
        return next((value[language] for language in (*preferred, *value) if language in value), None)
    result = {key: _localised(item, preferred) for key, item in value.items()}
    names = value.get("names")
    if isinstance(names, dict):
        result["name"] = next((names[language] for language in preferred if language in names), value.get("name"))
    return cast("Document", result)


def utc_clock() -> datetime:
    """The present moment, in UTC."""
    return datetime.now(UTC)
