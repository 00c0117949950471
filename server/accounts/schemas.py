"""Bodies of the account contract, for checking requests and describing answers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Text = Annotated[str, Field(max_length=2000)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="ignore")


class Money(_Body):
    """An amount as a decimal string, and its ISO 4217 currency."""

    amount: str
    currency: str


class Customer(_Body):
    """A customer and the ids of their lines."""

    id: str
    name: str
    phone: str | None = None
    email: str | None = None
    birth_date: str | None = None
    language: str | None = None
    lines: list[str]
    good_credit: bool | None = None


class Plan(_Body):
    """A plan; one without ``data_gb`` has no data limit, one without a refuel price cannot be refuelled."""

    id: str
    name: str
    data_gb: float | None = None
    price_per_month: Money | None = None
    refuel_price_per_gb: Money | None = None


class Device(_Body):
    """The device that a line is used with."""

    model: str | None = None
    esim: bool | None = None


class Line(_Body):
    """A mobile or broadband line."""

    id: str
    customer: str
    phone: str
    status: Literal["active", "suspended", "pending_activation", "closed"]
    suspended_since: str | None = None
    suspension_reason: str | None = None
    contract_end: str | None = None
    roaming: bool | None = None
    plan: Plan | None = None
    device: Device | None = None


class Usage(_Body):
    """Data of the running billing period, in GB."""

    line: str
    used_gb: float
    included_gb: float | None = None
    refuelled_gb: float | None = None
    period_end: str


class BillItem(_Body):
    """One charge of a bill."""

    line: str | None = None
    text: str
    amount: Money


class Bill(_Body):
    """A bill; ``period`` is ``start/end``."""

    id: str
    customer: str | None = None
    period: str | None = None
    status: Literal["draft", "issued", "awaiting_payment", "paid", "overdue", "disputed"]
    amount: Money
    due: str | None = None
    items: list[BillItem] = []


class Order(_Body):
    """An order of goods."""

    id: str
    status: str
    items: list[str] = []
    placed: str | None = None
    carrier: str | None = None
    tracking: str | None = None
    expected: str | None = None


class Ticket(_Body):
    """A repair, complaint, callback or other ticket."""

    id: str
    kind: str
    status: str
    summary: str
    opened: str | None = None
    appointment: str | None = None


class Outage(_Body):
    """A known outage."""

    id: str
    area: str
    services: list[str] = []
    since: str | None = None
    expected_end: str | None = None


class Sent(_Body):
    """A one-time code was sent; the contact is masked."""

    verification: str
    sent_to: str


class Checked(_Body):
    """Whether a code was right, and how many attempts are left."""

    verified: bool
    attempts_left: int


class CodeBody(_Body):
    """The code that the customer gave."""

    code: Annotated[str, Field(min_length=1, max_length=20)]


class SuspendBody(_Body):
    """Why a line is suspended."""

    reason: Annotated[str, Field(max_length=200)] = "customer_request"


class RoamingBody(_Body):
    """Whether roaming is to be on."""

    enabled: bool


class RefuelBody(_Body):
    """How much data to add, in GB."""

    gb: Annotated[float, Field(allow_inf_nan=False)]


class PlanBody(_Body):
    """The plan to change to."""

    plan: Annotated[str, Field(max_length=100)]


class TicketBody(_Body):
    """A ticket to open."""

    kind: Literal["repair", "complaint", "callback", "other"]
    summary: Text
    line: str | None = None
    preferred_time: Annotated[str, Field(max_length=200)] | None = None


class ProblemDocument(BaseModel):
    """An error, RFC 9457."""

    type: Literal["not_found", "not_allowed", "conflict", "invalid", "unavailable"]
    title: str
    status: int
    detail: str
