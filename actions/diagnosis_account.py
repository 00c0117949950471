"""What a diagnosis does in the account system: it looks things up silently, and repairs through the account skills.

A repair is the same skill that a customer can ask for, with its one-time code and its confirmation; nothing here
writes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from actions import writes
from actions.accounts import AccountsError
from actions.context import Context, EscalationError, Stopped

Facts = dict[str, Any]

REPAIRS: dict[str, Callable[[Context], Awaitable[None]]] = {
    "set_roaming": writes.enable_roaming,
    "refuel_data": writes.buy_data,
    "change_plan": writes.change_plan,
    "send_payment_request": writes.pay_bill,
    "resume_line": writes.resume_line,
}
"""Account skills by the operation that a fix names."""

NEEDS_ACTIVE = frozenset({"set_roaming", "refuel_data", "change_plan"})
_UNPAID = frozenset({"overdue", "awaiting_payment"})
_ENDED = frozenset({"pending_activation", "closed"})


async def look(c: Context, operation: str) -> Facts | None:
    """Facts of a system check, as the outcomes of the graph match them; ``None`` where it cannot be looked up.

    Raises:
        Question: The customer, the line or the place is not known yet.
    """
    try:
        match operation:
            case "get_line":
                line = await c.need_line()
                ended = line.contract_end is not None and line.contract_end[:10] < c.today
                return {
                    "status": line.status,
                    "contract_ended": ended,
                    "in_service": line.status not in _ENDED,
                    "roaming": line.roaming,
                }
            case "get_bills":
                customer = await c.need_customer()
                bills = await c.accounts.get_bills(customer.id)
                return {"overdue": any(bill.status in _UNPAID for bill in bills)}
            case "get_data_usage":
                usage = await c.accounts.get_data_usage((await c.need_line()).id)
                return {"used_up": usage.left_gb is not None and usage.left_gb <= 0}
            case "list_outages":
                return await _outage(c)
    except AccountsError:
        # A diagnosis goes on without what cannot be looked up just now.
        return None
    return None


async def repair(c: Context, operation: str) -> bool:
    """Run the account skill of an operation; whether what it is to bring about is so now.

    What the skill says is taken back: the diagnosis says it together with its next step.

    Raises:
        Question: The skill needs an answer: a number, an amount, the one-time code, the yes.
        EscalationError: Only a person may do it.
    """
    said = len(c.messages)
    try:
        await REPAIRS[operation](c)
    except Stopped:
        return False
    finally:
        del c.messages[said:]
        c.offered = None
    return await settled(c, operation)


async def settled(c: Context, operation: str) -> bool:
    """Whether the account is as a repair leaves it."""
    line = await c.need_line()
    match operation:
        case "set_roaming":
            return line.roaming
        case "resume_line":
            return line.status == "active"
        case "send_payment_request":
            return (await payment(c)) != "overdue"
        case _:
            left = (await c.accounts.get_data_usage(line.id)).left_gb
            return left is None or left > 0


async def payment(c: Context) -> str:
    """How the customer's bills stand: ``waiting`` for a payment, ``overdue``, or ``paid``."""
    customer = await c.need_customer()
    states = {bill.status for bill in await c.accounts.get_bills(customer.id)}
    return "waiting" if "awaiting_payment" in states else "overdue" if "overdue" in states else "paid"


async def instead(c: Context, operation: str) -> str:
    """The operation to do first: a suspended line takes no other changes, and bills come before its resumption.

    Raises:
        EscalationError: The line can only be restored by a person.
    """
    line = await c.need_line()
    if operation in NEEDS_ACTIVE and line.status == "suspended":
        operation = "resume_line"
    if operation == "resume_line" and line.status == "suspended":
        if line.contract_end is not None and line.contract_end[:10] < c.today:
            raise EscalationError("policy", "escalate.policy")
        if await payment(c) != "paid":
            return "send_payment_request"
    return operation


async def _outage(c: Context) -> Facts:
    place = c.args.get("place")
    if place is None:
        raise c.ask("place", "diagnosis.ask_place")
    for area in dict.fromkeys((place["raw"], place["value"])):
        if await c.accounts.list_outages(area):
            return {"outage": True}
    return {"outage": False}
