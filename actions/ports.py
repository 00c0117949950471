"""What the dialogue needs of the world, as protocols: accounts, retrieval, and the company's definitions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, Protocol

from actions.accounts import Bill, Checked, Customer, Line, Order, Outage, Plan, Sent, Ticket, Usage
from actions.diagnosis_graph import Graphs
from actions.retrieval import Found
from actions.writing import Writing
from server.company import Definition
from server.outages import Present
from server.texts import catalogue


class Accounts(Protocol):
    """The account back end in one language. Errors are those of `actions.accounts`.

    ``key`` is an idempotency key: the same one acts once.
    """

    def in_language(self, language: str) -> Accounts:
        """The same back end, answering texts in a language where it can."""
        ...

    async def find_customers(self, phone: str) -> list[Customer]: ...  # noqa: D102
    async def get_customer(self, customer: str) -> Customer: ...  # noqa: D102
    async def send_one_time_code(self, customer: str, *, key: str) -> Sent: ...  # noqa: D102
    async def check_one_time_code(self, verification: str, code: str) -> Checked: ...  # noqa: D102
    async def get_bills(self, customer: str) -> list[Bill]: ...  # noqa: D102
    async def get_bill(self, bill: str) -> Bill: ...  # noqa: D102
    async def send_payment_request(self, bill: str, *, key: str) -> Bill: ...  # noqa: D102
    async def get_line(self, line: str) -> Line: ...  # noqa: D102
    async def get_data_usage(self, line: str) -> Usage: ...  # noqa: D102
    async def suspend_line(self, line: str, reason: str, *, key: str) -> Line: ...  # noqa: D102
    async def resume_line(self, line: str, *, key: str) -> Line: ...  # noqa: D102
    async def set_roaming(self, line: str, enabled: bool, *, key: str) -> Line: ...  # noqa: D102
    async def refuel_data(self, line: str, gb: Decimal, *, key: str) -> Usage: ...  # noqa: D102
    async def change_plan(self, line: str, plan: str, *, key: str) -> Line: ...  # noqa: D102
    async def list_plans(self) -> list[Plan]: ...  # noqa: D102
    async def get_order(self, order: str) -> Order: ...  # noqa: D102
    async def list_tickets(self, customer: str) -> list[Ticket]: ...  # noqa: D102
    async def open_ticket(  # noqa: D102
        self, customer: str, kind: str, summary: str, *, key: str, line: str | None, preferred_time: str | None
    ) -> Ticket: ...
    async def list_outages(self, area: str) -> list[Outage]: ...  # noqa: D102


class Retrieval(Protocol):
    """The search over the company's help articles. It raises `actions.retrieval.RetrievalDownError`."""

    async def search(self, query: str, language: str, k: int, articles: Sequence[str] = ()) -> Found:
        """The best passages first, among some articles or all; ``confident`` false means: not known."""
        ...


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything that `actions.dialogue.respond` may use besides its arguments."""

    accounts: Accounts
    retrieval: Retrieval
    intents: Mapping[str, Definition]
    """The company's definitions, best completed by `with_controls`."""
    graphs: Graphs | None = None
    """The company's fault trees; without them faults are answered from the articles."""
    outages: tuple[Present, ...] = ()
    """The known outages of the moment."""
    writing: Writing | None = None
    manner: str = ""
    """How answers are written in this turn, where not as usual: an experiment's variant."""
    """A language model that answers from passages; without it, and where it fails, the best passage is the answer."""


def with_controls(intents: Mapping[str, Definition]) -> Mapping[str, Definition]:
    """The company's intents and, where it has none of that name, those that the bot's own buttons stand for.

    A company may begin with three intents; yes, no, a chosen value and "talk to a person" have to work for it too.
    """
    added = {
        name: Definition(name=name, label=_label("choice.confirm"), do="skill", skill=name)
        for name in ("affirm", "deny", "inform")
        if name not in intents
    }
    if not any(one.reason == "customer_asked" for one in intents.values()):
        name = "talk_to_human"
        added[name] = Definition(name=name, label=_label("choice.person"), do="handoff", reason="customer_asked")
    return {**added, **intents}


def _label(key: str) -> dict[Literal["zh", "en"], str]:
    return {"zh": catalogue("zh")[key], "en": catalogue("en")[key]}
