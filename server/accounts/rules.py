"""What the demo company allows, as operations on its store. Each runs inside one transaction of the caller.

Amounts are decimal strings with a currency, data volumes in GB, times ISO 8601 UTC; days are days of the clock's time
zone. Every operation raises a `server.accounts.problems.Problem` where the contract knows an error.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from server.accounts.problems import Conflict, Invalid, NotAllowed, NotFound
from server.accounts.store import Document, Store

Clock = Callable[[], datetime]

CODE_VALID_FOR = timedelta(minutes=10)
CODE_ATTEMPTS = 5
CODES_PER_WINDOW = 10
CODE_WINDOW = timedelta(minutes=10)
PAYMENT_REQUEST_VALID_FOR = timedelta(hours=24)
REFUEL_LIMIT_GB = Decimal(2)
PAYABLE = {"issued", "overdue"}
UNPAID = {"overdue", "awaiting_payment"}
TICKET_KINDS = {"repair", "complaint", "callback", "other"}
_SINGULAR = {"orders": "order", "bills": "bill", "lines": "line", "customers": "customer", "plans": "plan"}


class Accounts:
    """The demo company's customers, lines, bills, plans, orders and tickets, and what may be done with them."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    # ------------------------------------------------------------------ customers and codes

    def find_customers(self, phone: str | None, name: str | None, birth_date: str | None) -> list[Document]:
        """Find customers by a phone number of theirs, or by full name together with the date of birth."""
        if phone is None and (name is None or birth_date is None):
            raise Invalid("give phone, or name together with birth_date")
        found = self._store.all("customers")
        if phone is not None:
            number = national(phone)
            owners = {line["customer"] for line in self._store.all("lines") if national(line["phone"]) == number}
            found = [one for one in found if one["id"] in owners or national(one.get("phone") or "") == number]
        if name is not None:
            wanted = name.strip().casefold()
            found = [one for one in found if wanted in {text.casefold() for text in every_language(one["name"])}]
        if birth_date is not None:
            found = [one for one in found if one.get("birth_date") == birth_date]
        return found

    def customer(self, id_: str) -> Document:
        """Answer one customer."""
        return self._need("customers", id_)

    def send_code(self, customer_id: str) -> Document:
        """Make a one-time code and put it into the customer's inbox; earlier codes stop working."""
        customer = self._need("customers", customer_id)
        now = self._clock()
        earlier = self._store.all("verifications", customer=customer_id)
        if sum(_instant(one["sent"]) > now - CODE_WINDOW for one in earlier) >= CODES_PER_WINDOW:
            raise NotAllowed("too many codes were sent; wait ten minutes", rule="too_many_codes")
        for one in earlier:
            if one["state"] == "open":
                self._store.put("verifications", {**one, "state": "replaced"})
        code = f"{secrets.randbelow(10**6):06d}"
        verification = {"id": f"V-{secrets.token_hex(12)}", "customer": customer_id, "code": code, "sent": _utc(now),
                        "attempts_left": CODE_ATTEMPTS, "state": "open"}  # fmt: skip
        self._store.put("verifications", verification)
        contact = customer.get("phone") or customer.get("email") or ""
        self._message(customer_id, {"kind": "code", "to": contact, "code": code})
        return {"verification": verification["id"], "sent_to": masked(contact)}

    def check_code(self, verification_id: str, code: str) -> Document:
        """Compare a code; a right one stays right, a wrong one costs an attempt, an old one is a conflict."""
        found = self._need("verifications", verification_id)
        if found["state"] == "replaced" or _instant(found["sent"]) + CODE_VALID_FOR <= self._clock():
            raise Conflict("the code is no longer valid; send a new one", rule="code_expired")
        if found["attempts_left"] <= 0:
            return {"verified": False, "attempts_left": 0}
        right = hmac.compare_digest(code.strip().encode(), found["code"].encode())
        if right:
            self._store.put("verifications", {**found, "state": "verified"})
        else:
            found = {**found, "attempts_left": found["attempts_left"] - 1}
            self._store.put("verifications", found)
        return {"verified": right, "attempts_left": found["attempts_left"]}

    # ------------------------------------------------------------------ bills

    def bills(self, customer_id: str, limit: int) -> list[Document]:
        """Answer a customer's bills, newest first."""
        self._need("customers", customer_id)
        found = self._bills_of(customer_id)
        return sorted(found, key=lambda bill: bill.get("due") or "", reverse=True)[:limit]

    def bill(self, id_: str) -> Document:
        """Answer one bill, as it stands: a request that nobody accepted in time is as if it had not been sent."""
        return self._standing(self._need("bills", id_))

    def _bills_of(self, customer_id: str) -> list[Document]:
        return [self._standing(bill) for bill in self._store.all("bills", customer=customer_id)]

    def _standing(self, bill: Document) -> Document:
        request = bill.get("request")
        if bill["status"] != "awaiting_payment" or request is None or self._is_valid(request["at"]):
            return bill
        late = (bill.get("due") or "9") < self._clock().date().isoformat()
        return {**bill, "status": "overdue" if late else request["before"]}

    def _is_valid(self, requested_at: str) -> bool:
        return self._clock() - datetime.fromisoformat(requested_at) < PAYMENT_REQUEST_VALID_FOR

    def send_payment_request(self, id_: str) -> Document:
        """Ask the customer to pay a bill; only one of their bills can await payment at a time."""
        bill = self.bill(id_)
        if bill["status"] not in PAYABLE:
            raise Conflict(f"bill {id_} is {bill['status']}; only an issued or overdue bill can be paid")
        waiting = [one["id"] for one in self._bills_of(bill["customer"]) if one["status"] == "awaiting_payment"]
        if waiting:
            raise Conflict(f"bill {waiting[0]} already awaits payment; it comes first", rule="one_at_a_time")
        asked = {"at": _utc(self._clock()), "before": bill["status"]}
        bill = {**bill, "status": "awaiting_payment", "request": asked}
        self._store.put("bills", bill)
        request = {
            "kind": "payment_request",
            "bill": id_,
            "amount": bill["amount"],
            "accept": f"/demo/payment-requests/{id_}/accept",
        }
        self._message(bill["customer"], request)
        return bill

    def accept_payment(self, id_: str) -> Document:
        """Pay a bill that awaits payment, as the customer would in their banking app; paying twice changes nothing."""
        bill = self.bill(id_)
        if bill["status"] not in {"awaiting_payment", "paid"}:
            raise Conflict(f"bill {id_} is {bill['status']}; no payment was requested")
        bill = {**bill, "status": "paid"}
        self._store.put("bills", bill)
        return bill

    # ------------------------------------------------------------------ lines

    def line(self, id_: str) -> Document:
        """Answer one line with its whole plan."""
        line = self._need("lines", id_)
        plan = line.get("plan")
        return line if plan is None else {**line, "plan": self._need("plans", plan)}

    def usage(self, id_: str) -> Document:
        """Answer the data used in this billing period; no ``included_gb`` means that the plan has no limit."""
        self._need("lines", id_)
        found = self._store.get("usage", id_)
        if found is not None:
            return {name: value for name, value in found.items() if name != "id"}
        following = (self._clock().date().replace(day=1) + timedelta(days=31)).replace(day=1)
        return {"line": id_, "used_gb": 0, "refuelled_gb": 0, "period_end": following.isoformat()}

    def suspend(self, id_: str, reason: str) -> Document:
        """Suspend an active line."""
        line = self._active(id_)
        changed = {**line, "status": "suspended", "suspended_since": _utc(self._clock()), "suspension_reason": reason}
        self._store.put("lines", changed)
        return self.line(id_)

    def resume(self, id_: str) -> Document:
        """Lift a suspension; refused while an overdue bill is open or when the contract has ended."""
        line = self._need("lines", id_)
        if line["status"] != "suspended":
            raise Conflict(f"line {id_} is {line['status']}, not suspended")
        if line.get("contract_end") and line["contract_end"] < self._clock().date().isoformat():
            raise NotAllowed(f"the contract of line {id_} ended on {line['contract_end']}", rule="contract_ended")
        if self._owes(line["customer"]):
            raise NotAllowed("an overdue bill has to be paid first", rule="unpaid_bills")
        self._store.put("lines", {**line, "status": "active", "suspended_since": None, "suspension_reason": None})
        return self.line(id_)

    def set_roaming(self, id_: str, enabled: bool) -> Document:
        """Switch data roaming of a mobile line; setting what is set already changes nothing."""
        line = self._active(id_)
        self._mobile(line)
        self._store.put("lines", {**line, "roaming": enabled})
        return self.line(id_)

    def refuel(self, id_: str, gb: Decimal) -> Document:
        """Add data to a mobile line, charged on the customer's next bill; at most 2 GB in a billing period."""
        line = self._active(id_)
        plan = self._mobile(line)
        if gb <= 0:
            raise Invalid("gb must be more than 0")
        usage = self.usage(id_)
        refuelled = Decimal(str(usage.get("refuelled_gb") or 0)) + gb
        if refuelled > REFUEL_LIMIT_GB:
            raise NotAllowed(f"at most {REFUEL_LIMIT_GB} GB can be added in a billing period", rule="refuel_limit")
        price = plan["refuel_price_per_gb"]
        total = (Decimal(price["amount"]) * gb).quantize(Decimal("0.01"), ROUND_HALF_UP)
        self._charge(line, f"+{gb.normalize():f} GB", {"amount": str(total), "currency": price["currency"]}, usage)
        self._store.put("usage", {**usage, "id": id_, "refuelled_gb": float(refuelled)})
        return self.usage(id_)

    def change_plan(self, id_: str, plan_id: str) -> Document:
        """Move a line to another plan of its kind, at once; a line under contract cannot go down in price."""
        line = self._active(id_)
        new = self._store.get("plans", plan_id)
        if new is None:
            raise NotFound(f"plan {plan_id} does not exist")
        if line.get("plan") == plan_id:
            raise Conflict(f"line {id_} already has plan {plan_id}")
        old = self._store.get("plans", line.get("plan") or "")
        if old is not None:
            if (old.get("data_gb") is None) != (new.get("data_gb") is None):
                raise NotAllowed("a mobile line takes mobile plans, broadband takes broadband plans", rule="other_kind")
            bound = bool(line.get("contract_end")) and line["contract_end"] >= self._clock().date().isoformat()
            if bound and _price(new) < _price(old):
                raise NotAllowed("a line under contract can only move up; a colleague can help", rule="contract_down")
        if self._owes(line["customer"]):
            raise NotAllowed("an overdue bill has to be paid first", rule="unpaid_bills")
        self._store.put("lines", {**line, "plan": plan_id})
        if new.get("data_gb") is not None:
            self._store.put("usage", {**self.usage(id_), "id": id_, "included_gb": new["data_gb"]})
        return self.line(id_)

    # ------------------------------------------------------------------ plans, orders, tickets, outages

    def plans(self) -> list[Document]:
        """Answer all plans."""
        return self._store.all("plans")

    def order(self, id_: str) -> Document:
        """Answer one order; upper and lower case are the same number."""
        return self._need("orders", id_.upper())

    def tickets(self, customer_id: str) -> list[Document]:
        """Answer a customer's tickets, newest first."""
        self._need("customers", customer_id)
        found = self._store.all("tickets", customer=customer_id)
        return sorted(found, key=lambda ticket: ticket.get("opened") or "", reverse=True)

    def open_ticket(self, customer_id: str, request: Document) -> Document:
        """Open a ticket; a preferred time becomes its appointment."""
        customer = self._need("customers", customer_id)
        line = request.get("line")
        if line is not None and line not in customer["lines"]:
            raise NotFound(f"customer {customer_id} has no line {line}")
        endings = (one["id"].rpartition("-")[2] for one in self._store.all("tickets"))
        number = max((int(ending) for ending in endings if ending.isdigit()), default=100000) + 1
        ticket = {"id": f"T-{number:06d}", "customer": customer_id, "line": line, "kind": request["kind"],
                  "status": "open", "summary": request["summary"], "opened": _utc(self._clock()),
                  "appointment": request.get("preferred_time")}  # fmt: skip
        self._store.put("tickets", ticket)
        return ticket

    def outages(self, area: str | None) -> list[Document]:
        """Answer known outages; ``area`` matches when either name contains the other, in any language."""
        found = self._store.all("outages")
        wanted = _plain(area or "")
        if not wanted:
            return found
        return [one for one in found if any(_same_area(wanted, _plain(name)) for name in every_language(one["area"]))]

    # ------------------------------------------------------------------ the demo's inbox

    def inbox(self, customer_id: str | None) -> list[Document]:
        """Answer what was sent to one customer, or to all of them, newest first, with each request's state."""
        if customer_id is not None:
            self._need("customers", customer_id)
        found = (
            self._store.all("messages") if customer_id is None else self._store.all("messages", customer=customer_id)
        )
        for message in found:
            if message["kind"] == "payment_request":
                status = self.bill(message["bill"])["status"]
                message["status"] = status if status == "paid" or self._is_valid(message["at"]) else "expired"
        return found[::-1]

    def _message(self, customer_id: str, content: Document) -> None:
        document = {"id": f"M-{secrets.token_hex(8)}", "customer": customer_id, "at": _utc(self._clock()), **content}
        self._store.put("messages", document)

    # ------------------------------------------------------------------ shared checks

    def _need(self, kind: str, id_: str) -> Document:
        found = self._store.get(kind, id_)
        if found is None:
            raise NotFound(f"{_SINGULAR.get(kind, kind.rstrip('s'))} {id_} does not exist")
        return found

    def _active(self, id_: str) -> Document:
        line = self._need("lines", id_)
        if line["status"] != "active":
            raise Conflict(f"line {id_} is {line['status']}, not active", rule="not_active")
        return line

    def _mobile(self, line: Document) -> Document:
        plan = self._store.get("plans", line.get("plan") or "")
        if plan is None or plan.get("refuel_price_per_gb") is None:
            raise NotAllowed(f"line {line['id']} has no mobile data plan", rule="not_mobile")
        return plan

    def _owes(self, customer_id: str) -> bool:
        return any(bill["status"] in UNPAID for bill in self._bills_of(customer_id))

    def _charge(self, line: Document, text: str, amount: Document, usage: Document) -> None:
        """Put an item on the customer's draft bill, or on a new one for the running period."""
        item = {"line": line["id"], "text": text, "amount": amount}
        drafts = [bill for bill in self._store.all("bills", customer=line["customer"]) if bill["status"] == "draft"]
        if drafts:
            bill = drafts[0]
            total = Decimal(bill["amount"]["amount"]) + Decimal(amount["amount"])
            bill = {**bill, "items": [*bill.get("items", []), item], "amount": {**bill["amount"], "amount": str(total)}}
        else:
            end = usage["period_end"][:10]
            due = (datetime.fromisoformat(end) + timedelta(days=18)).date().isoformat()
            period = f"{self._clock().date()}/{end}"
            bill = {"id": f"B-{secrets.token_hex(4)}", "customer": line["customer"], "period": period,
                    "status": "draft", "amount": amount, "due": due, "items": [item]}  # fmt: skip
        self._store.put("bills", bill)


def every_language(text: Any) -> list[str]:
    """The variants of a text that may be given per language."""
    return [str(value) for value in text.values()] if isinstance(text, dict) else [str(text)]


def national(phone: str) -> str:
    """Digits of a phone number without China's country code."""
    digits = "".join(character for character in phone if character.isdigit())
    for prefix in ("0086", "86"):
        if digits.startswith(prefix) and len(digits) - len(prefix) == 11:
            return digits[len(prefix) :]
    return digits


def masked(contact: str) -> str:
    """A phone number or e-mail address that its owner recognises and nobody else can use."""
    if "@" in contact:
        name, _, host = contact.partition("@")
        return f"{name[:1]}***@{host}"
    return f"{contact[:3]}****{contact[-4:]}" if len(contact) > 7 else "****"


def _same_area(wanted: str, name: str) -> bool:
    """Whether two names may mean the same place: one holds the other, or every word of what is wanted."""
    words = wanted.split()
    return wanted in name or name in wanted or (len(words) > 1 and all(word in name.split() for word in words))


def _plain(text: str) -> str:
    """A place's name without what people add or leave out: 杭州市西湖区 and 杭州西湖 are one."""
    short = re.sub(r"[省市区县]", "", text.casefold())
    return " ".join(re.sub(r"[（）(),，]|\bdistrict\b|\bcity\b", " ", short).split())


def _price(plan: Document) -> Decimal:
    return Decimal(plan["price_per_month"]["amount"])


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
