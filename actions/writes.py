"""Account skills that change something. Each checks the policy, the one-time code and the customer's yes, then acts.

After the yes (`Context.confirmed`) the checks of the present state are left to the back end: a turn that was cut off
behind its write runs again, finds the state already changed, and must still come to the same write with the same key.
"""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, TypeVar

from actions import messages as m
from actions.accounts import Bill, ConflictError, Line, Money, NotAllowedError, Plan
from actions.context import Context, EscalationError, Stopped
from actions.reads import bill_line, plan_line, price
from actions.state import Expect

REFUEL_LIMIT_GB = 2.0
"""The policy's bound for one billing period."""

_REPAIR_SUMMARY = "Visit asked for in the chat"
_CENT = Decimal("0.01")
_Result = TypeVar("_Result")


async def pay_bill(c: Context) -> None:
    """Send a payment request for the oldest overdue bill; afterwards say whether it was paid."""
    await c.need_customer()
    await c.need_verified()
    assert c.state.customer is not None
    bills = await c.accounts.get_bills(c.state.customer)
    if await _report_payment(c, bills):
        return
    overdue = [bill for bill in bills if bill.status == "overdue"]
    if not overdue:
        _nothing_overdue(c, bills)
        return
    bill = overdue[-1]
    if len(overdue) > 1:
        # Not said with the question: that is asked again as often as needed, this is said once.
        c.args.setdefault("told", False)
        if not c.args["told"]:
            c.say("pay.several", bills=m.lines(bill_line(one) for one in reversed(overdue)))
            c.args["told"] = True
    details = {"bill": bill.id, "amount": str(bill.amount.amount)}
    due = m.date(bill.due)
    await c.need_confirmation("send_payment_request", "pay.confirm", details, amount=price(bill.amount), due=due)
    await _act(c, c.accounts.send_payment_request(bill.id, key=c.write("send_payment_request", details)))
    c.state.payment = bill.id
    c.offer("pay_bill", "pay.sent", m.choice(m.press("pay_bill"), "choice.paid_check"), amount=price(bill.amount))
    _only_last_choice(c)


async def buy_data(c: Context) -> None:
    """Add data to a mobile line, at most `REFUEL_LIMIT_GB` in a billing period."""
    line = await c.need_line()
    _need_active(c, line)
    if line.plan is None or line.plan.refuel_price_per_gb is None:
        c.say("refuel.not_mobile", number=m.phone(line.phone))
        return
    each = line.plan.refuel_price_per_gb
    usage = await c.accounts.get_data_usage(line.id)
    room = REFUEL_LIMIT_GB if c.confirmed else round(REFUEL_LIMIT_GB - usage.refuelled_gb, 2)
    if room <= 0:
        c.offer("change_plan", "refuel.full", number=m.phone(line.phone), limit=m.gb(REFUEL_LIMIT_GB))
        return
    volume = c.args.get("gb")
    if volume is None or not 0 < volume <= room:
        sizes = [size for size in (1.0, 2.0) if size <= room] or [room]
        choices = [_size_choice(size, each) for size in sizes]
        options: list[dict[str, Any]] = [{"value": f"{size:g}", "words": []} for size in sizes]
        key = "ask.amount" if volume is None else "ask.amount_out_of_range"
        c.args.pop("gb", None)
        raise c.ask("amount", key, choices=choices, options=options, limit=m.gb(room), price=price(each))
    await c.need_verified()
    gb = Decimal(str(volume))
    total = Money(amount=(each.amount * gb).quantize(_CENT, ROUND_HALF_UP), currency=each.currency)
    details = {"line": line.id, "gb": str(gb), "price": str(total.amount)}
    number = m.phone(line.phone)
    await c.need_confirmation(
        "refuel_data", "refuel.confirm", details, number=number, volume=m.gb(volume), price=price(total)
    )
    after = await _act(c, c.accounts.refuel_data(line.id, gb, key=c.write("refuel_data", details)))
    c.say("refuel.done", number=number, volume=m.gb(volume), price=price(total), left=m.gb(after.left_gb or 0))


async def change_plan(c: Context) -> None:
    """Move a line to another plan of its kind."""
    line = await c.need_line()
    _need_active(c, line)
    plans = [plan for plan in await c.accounts.list_plans() if _same_kind(plan, line.plan)]
    volume = c.args.pop("plan_gb", None)
    wanted = next((plan for plan in plans if plan.id == c.args.get("plan")), None)
    if wanted is None and volume is not None:
        wanted = next((plan for plan in plans if plan.data_gb == volume), None)
    if wanted is not None:
        c.args["plan"] = wanted.id
    if wanted is None:
        raise _which_plan(c, [plan for plan in plans if line.plan is None or plan.id != line.plan.id])
    number = m.phone(line.phone)
    if not c.confirmed and line.plan is not None and wanted.id == line.plan.id:
        del c.args["plan"]
        c.say("change.same", number=number, plan=wanted.name)
        return
    if not c.confirmed and _down_under_contract(line, wanted, c.today):
        raise EscalationError("policy", "change.contract", end=m.date(line.contract_end))
    await c.need_verified()
    assert c.state.customer is not None
    if any(bill.status in {"overdue", "awaiting_payment"} for bill in await c.accounts.get_bills(c.state.customer)):
        c.offer("pay_bill", "change.unpaid")
        return
    monthly = wanted.price_per_month
    details = {"line": line.id, "plan": wanted.id, "price": str(monthly.amount) if monthly else ""}
    await c.need_confirmation("change_plan", "change.confirm", details, number=number, plan=_sentence(wanted))
    await _act(c, c.accounts.change_plan(line.id, wanted.id, key=c.write("change_plan", details)))
    c.say("change.done", number=number, plan=_sentence(wanted))


async def enable_roaming(c: Context) -> None:
    """Switch roaming on; it costs nothing."""
    await _roaming(c, enabled=True)


async def disable_roaming(c: Context) -> None:
    """Switch roaming off."""
    await _roaming(c, enabled=False)


async def suspend_line(c: Context) -> None:
    """Suspend a line, for a lost phone or a pause."""
    line = await c.need_line()
    number = m.phone(line.phone)
    if line.status == "suspended" and not c.confirmed:
        c.offer("resume_line", "suspend.already", number=number)
        return
    _need_active(c, line)
    await c.need_verified()
    details = {"line": line.id}
    await c.need_confirmation("suspend_line", "suspend.confirm", details, number=number)
    await _act(c, c.accounts.suspend_line(line.id, "customer_request", key=c.write("suspend_line", details)))
    c.say("suspend.done", number=number)


async def resume_line(c: Context) -> None:
    """Lift a suspension: never after the contract's end, and only when no overdue bill is open."""
    line = await c.need_line()
    number = m.phone(line.phone)
    if line.status == "active" and not c.confirmed:
        fault = next((one for one in c.ports.intents.values() if one.name == "fault_no_service"), None)
        c.say("resume.active", choices=[c.button(fault)] if fault else [], number=number)
        return
    if line.status != "suspended":
        _need_active(c, line)
    if line.contract_end is not None and line.contract_end[:10] < c.today:
        raise EscalationError("policy", "resume.contract_ended", number=number, end=m.date(line.contract_end))
    await c.need_verified()
    assert c.state.customer is not None
    bills = await c.accounts.get_bills(c.state.customer)
    open_bills = [bill for bill in bills if bill.status in {"overdue", "awaiting_payment"}]
    if open_bills:
        c.offer(
            "pay_bill", "resume.unpaid", number=number, bills=m.lines(bill_line(bill) for bill in reversed(open_bills))
        )
        return
    details = {"line": line.id}
    await c.need_confirmation("resume_line", "resume.confirm", details, number=number)
    await _act(c, c.accounts.resume_line(line.id, key=c.write("resume_line", details)))
    c.say("resume.done", number=number)


async def book_technician(c: Context) -> None:
    """Open a repair ticket with a preferred time."""
    line = await c.need_line()
    time = c.args.get("time") or {}
    if "day" not in time or "part" not in time or time["day"] < c.today:
        raise _which_time(c, time)
    await c.need_verified()
    day, part = m.date(time["day"]), m.text(f"part.{time['part']}")
    details = {"line": line.id, **time}
    number = m.phone(line.phone)
    await c.need_confirmation("open_ticket", "visit.confirm", details, number=number, day=day, part=part)
    key = c.write("open_ticket", details)
    assert c.state.customer is not None
    ticket = await _act(
        c,
        c.accounts.open_ticket(
            c.state.customer,
            "repair",
            _REPAIR_SUMMARY,
            key=key,
            line=line.id,
            preferred_time=f"{time['day']} {time['part']}",
        ),
    )
    c.say("visit.done", ticket=ticket.id, day=day, part=part)


async def _roaming(c: Context, *, enabled: bool) -> None:
    line = await c.need_line()
    number = m.phone(line.phone)
    _need_active(c, line)
    if line.plan is None or line.plan.refuel_price_per_gb is None:
        c.say("roaming.not_mobile", number=number)
        return
    state = "on" if enabled else "off"
    if line.roaming == enabled and not c.confirmed:
        c.say(f"roaming.already_{state}", number=number)
        return
    await c.need_verified()
    details = {"line": line.id, "enabled": enabled}
    await c.need_confirmation("set_roaming", f"roaming.confirm_{state}", details, number=number)
    await _act(c, c.accounts.set_roaming(line.id, enabled, key=c.write("set_roaming", details)))
    c.say(f"roaming.done_{state}", number=number)


async def _act(c: Context, operation: Awaitable[_Result]) -> _Result:
    """Do a confirmed write. What the back end's policy refuses is a person's matter."""
    # Whatever comes of it, this yes is used up: doing the same again takes a new one.
    c.args.pop("confirmed", None)
    try:
        return await operation
    except (NotAllowedError, ConflictError):
        raise EscalationError("policy", "write.refused") from None


def _need_active(c: Context, line: Line) -> None:
    """Stop a skill that needs a working line, with the way out."""
    if line.status == "active" or c.confirmed:
        return
    if line.status == "suspended":
        raise Stopped("resume_line", "line.is_suspended", number=m.phone(line.phone))
    if line.status == "pending_activation":
        raise Stopped("sim_activation", "line.is_pending", number=m.phone(line.phone))
    raise EscalationError("policy", "line.is_closed", number=m.phone(line.phone))


async def _report_payment(c: Context, bills: list[Bill]) -> bool:
    """Say how a payment request stands, if there is one; whether that was all there is to say."""
    asked, c.state.payment = c.state.payment, None
    waiting = next((bill for bill in bills if bill.status == "awaiting_payment"), None)
    if waiting is not None:
        c.state.payment = waiting.id
        c.say("pay.waiting", choices=[m.choice(m.press("pay_bill"), "choice.paid_check")], amount=price(waiting.amount))
        c.offered = Expect("offer", data={"intent": "pay_bill"})
        return True
    paid = next((bill for bill in bills if bill.id == asked and bill.status == "paid"), None)
    if paid is None:
        return False
    if any(bill.status == "overdue" for bill in bills):
        c.say("pay.paid", amount=price(paid.amount))
        return False
    if await _has_suspended_line(c):
        c.offer("resume_line", "pay.paid_resume", amount=price(paid.amount))
    else:
        c.say("pay.paid", amount=price(paid.amount))
    return True


async def _has_suspended_line(c: Context) -> bool:
    assert c.state.customer is not None
    customer = await c.accounts.get_customer(c.state.customer)
    found = [await c.accounts.get_line(line) for line in customer.lines]
    return any(line.status == "suspended" for line in found)


def _nothing_overdue(c: Context, bills: list[Bill]) -> None:
    issued = next((bill for bill in bills if bill.status == "issued"), None)
    if issued is not None:
        c.offer("payment_methods", "pay.not_due", amount=price(issued.amount), due=m.date(issued.due))
    else:
        c.say("pay.nothing")


def _size_choice(size: float, each: Money) -> m.Choice:
    total = Money(amount=(each.amount * Decimal(str(size))).quantize(_CENT, ROUND_HALF_UP), currency=each.currency)
    return m.choice(m.press("inform", choice=f"{size:g}"), "choice.volume", volume=m.gb(size), price=price(total))


def _which_plan(c: Context, plans: list[Plan]) -> Exception:
    choices = [m.choice(m.press("inform", choice=plan.id), "choice.plan", name=plan.name) for plan in plans]
    options = [{"value": plan.id, "words": _plan_words(plan)} for plan in plans]
    details = m.lines(plan_line(plan) for plan in plans)
    return c.ask("plan", "ask.plan", choices=choices, options=options, plans=details)


def _plan_words(plan: Plan) -> list[str]:
    words = [plan.name]
    if plan.data_gb is not None:
        words += [f"{plan.data_gb:g}g", f"{plan.data_gb:g}gb"]
    return words


def _which_time(c: Context, known: dict[str, str]) -> Exception:
    today = c.turn.now.date()
    days = [today + timedelta(days=ahead) for ahead in (1, 2)]
    if known.get("day", "") >= c.today:
        days = [day for day in days if day.isoformat() == known["day"]] or [today.fromisoformat(known["day"])]
    parts = [known["part"]] if "part" in known else ["morning", "afternoon", "evening"]
    slots = [(day.isoformat(), part) for day in days for part in parts]
    choices = [
        m.choice(m.press("inform", choice=f"{day} {part}"), "choice.time", day=m.date(day), part=m.text(f"part.{part}"))
        for day, part in slots
    ]
    return c.ask(
        "time", "ask.time", choices=choices, options=[{"value": f"{day} {part}", "words": []} for day, part in slots]
    )


def _same_kind(plan: Plan, other: Plan | None) -> bool:
    return other is None or (plan.data_gb is None) == (other.data_gb is None)


def _down_under_contract(line: Line, wanted: Plan, today: str) -> bool:
    if line.contract_end is None or line.contract_end[:10] < today or line.plan is None:
        return False
    old, new = line.plan.price_per_month, wanted.price_per_month
    return old is not None and new is not None and new.amount < old.amount


def _sentence(plan: Plan) -> dict[str, Any]:
    line = plan_line(plan)
    return m.text(line["key"], **line["params"])


def _only_last_choice(c: Context) -> None:
    """The button "I have paid" says better what the intent's own label does."""
    c.messages[-1]["choices"] = c.messages[-1]["choices"][-1:]
