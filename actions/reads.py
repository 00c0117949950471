"""Account skills that only read: data, plan, bill, orders, tickets, outages, the list of plans."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from actions import messages as m
from actions import outages, words
from actions.accounts import Bill, Line, Money, NotFoundError, Order, Outage, Plan, Ticket
from actions.context import Context
from actions.messages import Message
from actions.state import Expect
from server.texts import catalogue

_TICKETS_SHOWN = 3
_ITEMS_SHOWN = 8
_ORDER_STATUSES = {
    "processing", "placed", "paid", "packed", "shipped", "in_transit", "out_for_delivery", "delivered", "delayed",
    "returned", "cancelled",
}  # fmt: skip
_TICKET_STATUSES = {"open", "scheduled", "in_progress", "waiting", "resolved", "closed", "cancelled"}
_TICKET_KINDS = {"repair", "complaint", "callback", "other"}
_COMMA = {"zh": "、", "en": ", "}
_SERVICES = {"mobile", "broadband", "tv", "voice"}


async def check_data_usage(c: Context) -> None:
    """How much data is left, until when; with an offer to add some when it is used up."""
    line = await c.need_line()
    usage = await c.accounts.get_data_usage(line.id)
    number = m.phone(line.phone)
    left = usage.left_gb
    if left is None:
        c.say("usage.unlimited", number=number)
        return
    total = m.gb((usage.included_gb or 0) + usage.refuelled_gb)
    known: dict[str, Any] = {"number": number, "used": m.gb(usage.used_gb), "total": total, "left": m.gb(left)}
    if usage.period_end:
        known["until"] = m.date(usage.period_end)
    if left > 0:
        c.say("usage.left" if usage.period_end else "usage.left_no_date", **known)
    elif line.status == "active":
        c.offer("buy_data", "usage.used_up" if usage.period_end else "usage.used_up_no_date", **known)
    else:
        c.say("usage.used_up" if usage.period_end else "usage.used_up_no_date", **known)
    suspended_note(c, line)


async def check_plan(c: Context) -> None:
    """Which plan a line has, what it costs, when the contract and the billing period end."""
    line = await c.need_line()
    number = m.phone(line.phone)
    if line.plan is None:
        c.say("plan.none", number=number)
        return
    usage = await c.accounts.get_data_usage(line.id)
    details: list[Message] = [plan_line(line.plan)]
    if line.contract_end is None:
        details.append(m.message("plan.no_contract"))
    else:
        ended = line.contract_end[:10] < c.today
        details.append(m.message("plan.contract_ended" if ended else "plan.contract", end=m.date(line.contract_end)))
    if usage.period_end:
        details.append(m.message("plan.period", end=m.date(usage.period_end)))
    c.say("plan.answer", number=number, details=m.lines(details))
    suspended_note(c, line)


async def check_bill(c: Context) -> None:
    """The newest bill, or the overdue one first; needs a one-time code."""
    await c.need_customer()
    await c.need_verified()
    assert c.state.customer is not None
    bills = [bill for bill in await c.accounts.get_bills(c.state.customer) if bill.status != "draft"]
    overdue = [bill for bill in bills if bill.status == "overdue"]
    if not bills:
        c.say("bill.none")
        return
    if len(overdue) > 1:
        c.offer("pay_bill", "bill.several_overdue", bills=m.lines(bill_line(bill) for bill in reversed(overdue)))
        return
    bill = overdue[0] if overdue else bills[0]
    details = [m.message("bill.item", text=item.text, price=price(item.amount)) for item in bill.items[:_ITEMS_SHOWN]]
    known: dict[str, Any] = {"amount": price(bill.amount), "details": m.lines(details), "due": m.date(bill.due)}
    if bill.status == "overdue":
        c.offer("pay_bill", "bill.overdue", **known)
    elif bill.status == "awaiting_payment":
        c.state.payment = bill.id
        c.offer("pay_bill", "bill.awaiting", **known)
    else:
        c.say(f"bill.{bill.status}", **known)


async def list_plans(c: Context) -> None:
    """All plans with their prices; first the cheapest, or the one with most data, where that was asked."""
    plans = await c.accounts.list_plans()
    key, ranked = "plan.list", plans
    if words.CHEAPEST.search(c.turn.text):
        key, ranked = "plan.cheapest", sorted(plans, key=_price)
    elif words.MOST_DATA.search(c.turn.text):
        key, ranked = (
            "plan.most_data",
            sorted(plans, key=_data_gb, reverse=True),
        )
    lines = [plan_line(plan) for plan in ranked]
    c.offer("change_plan", key, plan=m.lines(lines[:1]), plans=m.lines(lines))


def _data_gb(plan: Plan) -> float:
    return plan.data_gb or 0  # no limit: a line at home, whose data nobody counts


def _price(plan: Plan) -> Decimal:
    return plan.price_per_month.amount if plan.price_per_month else Decimal("Infinity")


async def order_status(c: Context) -> None:
    """Where an order is."""
    number = c.args.get("order")
    if number is None:
        raise c.ask("order", "ask.order")
    try:
        order = await c.accounts.get_order(number)
    except NotFoundError:
        del c.args["order"]
        raise c.ask("order", "ask.order_unknown") from None
    details = [m.message("order.item", text=item) for item in order.items]
    details += _delivery(order, c.today)
    status = order.status if order.status in _ORDER_STATUSES else "other"
    c.say("order.answer", order=order.id, status=m.text(f"order_status.{status}"), details=m.lines(details))
    if status in {"delayed", "returned"}:
        c.say("order.trouble", choices=[c.person()])
        c.offered = Expect("person", data={"reason": "customer_asked"})


async def ticket_status(c: Context) -> None:
    """How the customer's tickets are getting on: the one that was named, else the newest."""
    customer = await c.need_customer()
    tickets = await c.accounts.list_tickets(customer.id)
    named = c.args.get("ticket")
    if named is not None:
        tickets = [ticket for ticket in tickets if _same_reference(ticket.id, named)]
        if not tickets:
            del c.args["ticket"]
            raise c.ask("ticket", "ask.ticket_unknown")
    if not tickets:
        c.say("ticket.none")
        return
    c.say("ticket.answer", tickets=m.lines(_ticket_line(c, ticket) for ticket in tickets[:_TICKETS_SHOWN]))


async def check_outage(c: Context) -> None:
    """Whether an outage is known in a place."""
    place = c.args.get("place")
    if place is None:
        raise c.ask("place", "ask.place")
    notices = outages.known_in(c, place)
    found: list[Outage] = []
    for area in dict.fromkeys((place["raw"], place["value"])):
        found = found or await c.accounts.list_outages(area)
    c.messages += notices
    if notices and not found:
        return
    if not found:
        faults = [one for one in c.ports.intents.values() if one.do == "diagnose" and one.suggest][:1]
        c.say("outage.none", choices=[*(c.button(one) for one in faults), c.person()])
        return
    details = []
    zone = c.turn.now.tzinfo
    for outage in found:
        since = m.moment(outage.since, zone)
        known: dict[str, Any] = {"area": outage.area, "services": _services(outage.services), "since": since}
        if outage.expected_end:
            details.append(m.message("outage.item_until", end=m.moment(outage.expected_end, zone), **known))
        else:
            details.append(m.message("outage.item", **known))
    c.say("outage.found", details=m.lines(details))


def suspended_note(c: Context, line: Line) -> None:
    """Tell about a line that does not work as it is, and offer the way out."""
    if line.status == "suspended":
        c.offer("resume_line", "line.is_suspended", number=m.phone(line.phone))
    elif line.status == "pending_activation":
        c.offer("sim_activation", "line.is_pending", number=m.phone(line.phone))


def plan_line(plan: Plan) -> Message:
    """One line about a plan."""
    if plan.price_per_month is None:
        return m.message("plan.item_bare", name=plan.name)
    if plan.data_gb is None:
        return m.message("plan.item_fixed", name=plan.name, price=price(plan.price_per_month))
    return m.message("plan.item", name=plan.name, data=m.gb(plan.data_gb), price=price(plan.price_per_month))


def bill_line(bill: Bill) -> Message:
    """One line about a bill."""
    return m.message("bill.line", amount=price(bill.amount), due=m.date(bill.due))


def price(amount: Money) -> dict[str, Any]:
    """An amount of the contract as a parameter."""
    return m.money(str(amount.amount), amount.currency)


def _services(names: list[str]) -> dict[str, str]:
    """Services in words, listed as each language lists things."""
    keys = [f"service.{name if name in _SERVICES else 'other'}" for name in names] or ["service.other"]
    return {language: _COMMA[language].join(catalogue(language)[key] for key in keys) for language in _COMMA}


def _delivery(order: Order, today: str) -> list[Message]:
    details = []
    if order.carrier and order.tracking:
        details.append(m.message("order.carrier", carrier=order.carrier, tracking=order.tracking))
    if order.expected and order.status not in {"delivered", "returned", "cancelled"}:
        key = "order.expected" if order.expected[:10] >= today else "order.was_expected"
        details.append(m.message(key, day=m.date(order.expected)))
    return details


def _ticket_line(c: Context, ticket: Ticket) -> Message:
    kind = m.text(f"ticket_kind.{ticket.kind if ticket.kind in _TICKET_KINDS else 'other'}")
    status = m.text(f"ticket_status.{ticket.status if ticket.status in _TICKET_STATUSES else 'other'}")
    if ticket.appointment and ticket.status not in {"closed", "resolved", "cancelled"}:
        return m.message(
            "ticket.item_visit", id=ticket.id, kind=kind, status=status, time=_visit(c, ticket.appointment)
        )
    return m.message("ticket.item", id=ticket.id, kind=kind, status=status)


def _same_reference(one: str, other: str) -> bool:
    return "".join(c for c in one if c.isdigit()) == "".join(c for c in other if c.isdigit())


def _visit(c: Context, appointment: str) -> dict[str, Any]:
    """When a visit is: a time, or a day with a part of it as `actions.writes.book_technician` asks for one."""
    day, _, part = appointment.partition(" ")
    if part in {"morning", "afternoon", "evening"}:
        return m.text("choice.time", day=m.date(day), part=m.text(f"part.{part}"))
    return m.moment(appointment, c.turn.now.tzinfo)
