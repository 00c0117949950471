"""Typed client of the account contract (docs/account-api.yaml): deadlines, safe retries, errors as exceptions.

Reads and writes that carry an idempotency key are tried again once after a lost connection or an ``unavailable``;
checking a one-time code is not, because a lost answer may have cost the customer an attempt.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from typing import Any, Literal, TypeVar, cast
from urllib.parse import quote

import httpx
from pydantic import BaseModel, TypeAdapter, ValidationError

DEADLINE_S = 3.0
_ATTEMPTS = 2
_LONGEST_TEXT = 200
_RETRIED_STATUS = 503


class AccountsError(Exception):
    """The base of everything that the account back end can refuse or fail with."""


class NotFoundError(AccountsError):
    """Raise when what was asked for does not exist."""


class NotAllowedError(AccountsError):
    """Raise when the company's policy forbids the operation."""


class ConflictError(AccountsError):
    """Raise when the operation does not fit the present state, such as a code that has expired."""


class InvalidError(AccountsError):
    """Raise when the back end cannot read the request."""


class UnavailableError(AccountsError):
    """Raise when the back end does not answer, not in time, or not as the contract says."""


_BY_TYPE: Mapping[str, type[AccountsError]] = {
    "not_found": NotFoundError,
    "not_allowed": NotAllowedError,
    "conflict": ConflictError,
    "invalid": InvalidError,
    "unavailable": UnavailableError,
}
_BY_STATUS: Mapping[int, type[AccountsError]] = {
    403: NotAllowedError,
    404: NotFoundError,
    409: ConflictError,
    400: InvalidError,
    422: InvalidError,
}


class Money(BaseModel):
    """A decimal amount and its currency."""

    amount: Decimal
    currency: str


class Customer(BaseModel):
    """A customer and the ids of their lines; ``area``, where they live, is what a back end may add to the contract."""

    id: str
    name: str = ""
    phone: str | None = None
    lines: list[str] = []
    area: str | None = None


class Plan(BaseModel):
    """A plan; without ``data_gb`` there is no data limit, without a refuel price no data can be added."""

    id: str
    name: str
    data_gb: float | None = None
    price_per_month: Money | None = None
    refuel_price_per_gb: Money | None = None


class Line(BaseModel):
    """A line and its plan."""

    id: str
    customer: str
    phone: str
    status: Literal["active", "suspended", "pending_activation", "closed"]
    contract_end: str | None = None
    roaming: bool = False
    plan: Plan | None = None


class Usage(BaseModel):
    """Data of the running billing period, in GB; no ``included_gb`` means no limit."""

    line: str
    used_gb: float = 0.0
    included_gb: float | None = None
    refuelled_gb: float = 0.0
    period_end: str | None = None

    @property
    def left_gb(self) -> float | None:
        """What is left, at least 0; ``None`` without a limit."""
        if self.included_gb is None:
            return None
        return max(0.0, self.included_gb + self.refuelled_gb - self.used_gb)


class BillItem(BaseModel):
    """One charge of a bill."""

    text: str
    amount: Money


class Bill(BaseModel):
    """A bill."""

    id: str
    status: Literal["draft", "issued", "awaiting_payment", "paid", "overdue", "disputed"]
    amount: Money
    period: str | None = None
    due: str | None = None
    items: list[BillItem] = []


class Order(BaseModel):
    """An order of goods."""

    id: str
    status: str
    items: list[str] = []
    carrier: str | None = None
    tracking: str | None = None
    expected: str | None = None


class Ticket(BaseModel):
    """A ticket."""

    id: str
    kind: str = "other"
    status: str = "open"
    summary: str = ""
    opened: str | None = None
    appointment: str | None = None


class Outage(BaseModel):
    """A known outage."""

    area: str
    services: list[str] = []
    since: str | None = None
    expected_end: str | None = None


class Sent(BaseModel):
    """A one-time code was sent."""

    verification: str
    sent_to: str = ""


class Checked(BaseModel):
    """Whether a code was right."""

    verified: bool
    attempts_left: int = 0


_Shape = TypeVar("_Shape")


@cache
def _reader(shape: Any) -> TypeAdapter[Any]:
    return TypeAdapter(shape)


class AccountsClient:
    """The contract's operations. The HTTP client is the caller's, which closes it."""

    def __init__(
        self, http: httpx.AsyncClient, base_url: str, *, language: str = "zh", deadline_s: float = DEADLINE_S
    ) -> None:
        self._http = http
        self._base_url = base_url.rstrip("/")
        self._language = language
        self._deadline_s = deadline_s

    def in_language(self, language: str) -> AccountsClient:
        """The same back end, asked to answer its texts in a language."""
        return AccountsClient(self._http, self._base_url, language=language, deadline_s=self._deadline_s)

    async def find_customers(self, phone: str) -> list[Customer]:
        """Customers that a phone number belongs to."""
        return await self._read(list[Customer], "/customers", {"phone": phone})

    async def get_customer(self, customer: str) -> Customer:
        """One customer."""
        return await self._read(Customer, f"/customers/{_part(customer)}")

    async def send_one_time_code(self, customer: str, *, key: str) -> Sent:
        """Send a one-time code to the customer's own contact."""
        return await self._write(Sent, "POST", f"/customers/{_part(customer)}/verifications", key)

    async def check_one_time_code(self, verification: str, code: str) -> Checked:
        """Compare a one-time code; `ConflictError` when it is no longer valid."""
        path = f"/verifications/{_part(verification)}"
        return await self._send(Checked, "POST", path, body={"code": code}, attempts=1)

    async def get_bills(self, customer: str) -> list[Bill]:
        """A customer's bills, newest first."""
        return await self._read(list[Bill], f"/customers/{_part(customer)}/bills")

    async def get_bill(self, bill: str) -> Bill:
        """One bill."""
        return await self._read(Bill, f"/bills/{_part(bill)}")

    async def send_payment_request(self, bill: str, *, key: str) -> Bill:
        """Ask the customer to pay a bill."""
        return await self._write(Bill, "POST", f"/bills/{_part(bill)}/payment-requests", key)

    async def get_line(self, line: str) -> Line:
        """One line."""
        return await self._read(Line, f"/lines/{_part(line)}")

    async def get_data_usage(self, line: str) -> Usage:
        """The data of the running billing period."""
        return await self._read(Usage, f"/lines/{_part(line)}/usage")

    async def suspend_line(self, line: str, reason: str, *, key: str) -> Line:
        """Suspend a line."""
        return await self._write(Line, "POST", f"/lines/{_part(line)}/suspend", key, {"reason": reason})

    async def resume_line(self, line: str, *, key: str) -> Line:
        """Lift a suspension."""
        return await self._write(Line, "POST", f"/lines/{_part(line)}/resume", key)

    async def set_roaming(self, line: str, enabled: bool, *, key: str) -> Line:
        """Switch roaming."""
        return await self._write(Line, "PUT", f"/lines/{_part(line)}/roaming", key, {"enabled": enabled})

    async def refuel_data(self, line: str, gb: Decimal, *, key: str) -> Usage:
        """Add data, in GB."""
        return await self._write(Usage, "POST", f"/lines/{_part(line)}/data", key, {"gb": float(gb)})

    async def change_plan(self, line: str, plan: str, *, key: str) -> Line:
        """Move a line to another plan."""
        return await self._write(Line, "PUT", f"/lines/{_part(line)}/plan", key, {"plan": plan})

    async def list_plans(self) -> list[Plan]:
        """All plans."""
        return await self._read(list[Plan], "/plans")

    async def get_order(self, order: str) -> Order:
        """One order."""
        return await self._read(Order, f"/orders/{_part(order)}")

    async def list_tickets(self, customer: str) -> list[Ticket]:
        """A customer's tickets, newest first."""
        return await self._read(list[Ticket], f"/customers/{_part(customer)}/tickets")

    async def open_ticket(
        self, customer: str, kind: str, summary: str, *, key: str, line: str | None, preferred_time: str | None
    ) -> Ticket:
        """Open a ticket of a kind of the contract."""
        body = {"kind": kind, "summary": summary, "line": line, "preferred_time": preferred_time}
        given = {name: value for name, value in body.items() if value is not None}
        return await self._write(Ticket, "POST", f"/customers/{_part(customer)}/tickets", key, given)

    async def list_outages(self, area: str) -> list[Outage]:
        """Known outages of an area."""
        return await self._read(list[Outage], "/outages", {"area": area[:_LONGEST_TEXT]})

    async def _read(self, shape: type[_Shape], path: str, params: dict[str, str] | None = None) -> _Shape:
        return await self._send(shape, "GET", path, params=params, attempts=_ATTEMPTS)

    async def _write(
        self, shape: type[_Shape], method: str, path: str, key: str, body: dict[str, Any] | None = None
    ) -> _Shape:
        return await self._send(shape, method, path, key=key, body=body, attempts=_ATTEMPTS)

    async def _send(
        self,
        shape: type[_Shape],
        method: str,
        path: str,
        *,
        attempts: int,
        params: dict[str, str] | None = None,
        key: str | None = None,
        body: dict[str, Any] | None = None,
    ) -> _Shape:
        headers = {"Accept-Language": self._language}
        if key is not None:
            headers["Idempotency-Key"] = key
        for attempt in range(attempts):
            last = attempt + 1 == attempts
            try:
                response = await self._http.request(
                    method, self._base_url + path, params=params, headers=headers, json=body, timeout=self._deadline_s
                )
            except httpx.HTTPError as error:
                if last or isinstance(error, httpx.TimeoutException):
                    raise UnavailableError(f"{method} {path}: {type(error).__name__}") from error
                continue
            if response.status_code == _RETRIED_STATUS and not last:
                continue
            if response.is_success:
                return _checked(shape, response, f"{method} {path}")
            raise _error(response, f"{method} {path}")
        raise AssertionError("every attempt returns or raises")


def _checked(shape: type[_Shape], response: httpx.Response, place: str) -> _Shape:
    try:
        return cast("_Shape", _reader(cast("Any", shape)).validate_json(response.content))
    except ValidationError as error:
        # The values may be a customer's: only where they stand is said.
        fields = ", ".join(".".join(str(part) for part in fault["loc"]) for fault in error.errors())
        raise UnavailableError(f"{place}: the answer does not follow the contract at {fields}") from None


def _error(response: httpx.Response, place: str) -> AccountsError:
    kind: object = None
    try:
        document = response.json()
        kind = document.get("type") if isinstance(document, dict) else None
    except ValueError:
        kind = None
    error = _BY_TYPE.get(str(kind)) or _BY_STATUS.get(response.status_code) or UnavailableError
    return error(f"{place}: {response.status_code}")


for _known in (
    *(Customer, Bill, Line, Usage, Order, Ticket, Sent, Checked),
    *(list[Customer], list[Bill], list[Plan], list[Ticket], list[Outage]),
):
    _reader(_known)  # built now and not in front of the first customer


def _part(value: str) -> str:
    """One path segment; ids come from customers' words too and must not become a path."""
    return quote(value[:_LONGEST_TEXT], safe="")
