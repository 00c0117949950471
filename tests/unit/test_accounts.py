"""The demo account back end: the contract's routes, the policy, idempotency, and what survives a restart."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
import yaml
from fastapi import FastAPI

from server.accounts.app import create_app
from server.accounts.contract import text
from server.accounts.seed import SeedError, load
from server.settings import ROOT

SEED = ROOT / "demo" / "accounts.json"
NOON = datetime(2026, 3, 10, 12, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
OPERATIONS = {
    "find_customers", "get_customer", "send_one_time_code", "check_one_time_code", "get_bills", "get_bill",
    "send_payment_request", "get_line", "get_data_usage", "suspend_line", "resume_line", "set_roaming", "refuel_data",
    "change_plan", "list_plans", "get_order", "list_tickets", "open_ticket", "list_outages",
}  # fmt: skip


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


class Caller:
    """A client that makes a new idempotency key for each write unless one is given."""

    def __init__(self, app: FastAPI) -> None:
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://accounts")
        self._keys = 0

    async def get(self, path: str, language: str = "zh", **params: str) -> Any:
        answer = await self.http.get(path, params=params, headers={"Accept-Language": language})
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def write(self, method: str, path: str, body: Any = None, *, key: str | None = None) -> httpx.Response:
        self._keys += 1
        return await self.http.request(method, path, json=body, headers={"Idempotency-Key": key or f"key-{self._keys}"})

    async def post(self, path: str, body: Any = None, *, key: str | None = None) -> httpx.Response:
        return await self.write("POST", path, body, key=key)

    async def put(self, path: str, body: Any) -> httpx.Response:
        return await self.write("PUT", path, body)

    async def code(self, customer: str) -> str:
        inbox = await self.get("/demo/inbox", customer=customer)
        return str(next(one["code"] for one in inbox if one["kind"] == "code"))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def app(tmp_path: Path, clock: Clock) -> AsyncIterator[FastAPI]:
    app = create_app(tmp_path / "accounts.db", clock=clock, seed_file=SEED)
    yield app
    app.state.store.close()


@pytest.fixture
async def call(app: FastAPI) -> AsyncIterator[Caller]:
    caller = Caller(app)
    yield caller
    await caller.http.aclose()


def refused(answer: httpx.Response, kind: str, status: int) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert document["type"] == kind
    assert document["status"] == status
    assert document["title"]
    assert document["detail"]


# -------------------------------------------------------------------- the contract


def test_the_document_is_what_is_served() -> None:
    assert (ROOT / "docs" / "account-api.yaml").read_text("utf-8") == text()


def test_the_document_has_every_operation() -> None:
    paths = yaml.safe_load(text())["paths"]
    named = [operation["operationId"] for operations in paths.values() for operation in operations.values()]
    assert sorted(named) == sorted(OPERATIONS)


async def test_reads_follow_the_schemas(call: Caller) -> None:
    (customer,) = await call.get("/customers", phone="+86 199-0000-0106")
    assert customer["id"] == "C-1006"
    assert customer["lines"] == ["L-106", "L-107"]
    assert (await call.get("/customers/C-1006"))["phone"] == "19900000106"
    line = await call.get("/lines/L-106")
    assert line["plan"]["id"] == "plus"
    assert line["plan"]["price_per_month"] == {"amount": "69.00", "currency": "CNY"}
    assert (await call.get("/lines/L-106/usage"))["period_end"] == "2026-03-19"
    assert len(await call.get("/plans")) == 8
    assert (await call.get("/orders/qh48210937"))["id"] == "QH48210937"
    assert [ticket["id"] for ticket in await call.get("/customers/C-1013/tickets")] == ["T-104233"]


async def test_no_null_where_the_contract_has_none(call: Caller) -> None:
    plans = await call.get("/plans")
    assert all(None not in plan.values() for plan in plans)
    assert "data_gb" not in next(plan for plan in plans if plan["id"] == "fiber300")


async def test_texts_follow_the_language(call: Caller) -> None:
    names = {language: (await call.get("/lines/L-106", language))["plan"]["name"] for language in ("zh", "en")}
    assert names == {"zh": "青叶套餐", "en": "Leaf"}


async def test_customers_are_found_by_name_and_birth_date_together(call: Caller) -> None:
    found = await call.get("/customers", name="emily carter", birth_date="1995-07-29")
    assert [one["id"] for one in found] == ["C-1003"]
    assert await call.get("/customers", name="Emily Carter", birth_date="1995-07-30") == []
    assert await call.get("/customers", phone="13800000000") == []
    refused(await call.http.get("/customers", params={"name": "Emily Carter"}), "invalid", 422)
    refused(await call.http.get("/customers"), "invalid", 422)


async def test_bills_come_newest_first(call: Caller) -> None:
    bills = await call.get("/customers/C-1002/bills")
    assert [bill["due"] for bill in bills] == sorted((bill["due"] for bill in bills), reverse=True)
    assert len(await call.get("/customers/C-1002/bills", limit="1")) == 1
    assert (await call.get("/bills/B-1002-2"))["status"] == "overdue"


@pytest.mark.parametrize("area", ["西湖区", "杭州", "杭州市西湖区", "xihu", "Hangzhou", "West Lake, Hangzhou"])
async def test_outages_are_found_by_any_name_of_the_area(call: Caller, area: str) -> None:
    assert "O-2201" in [outage["id"] for outage in await call.get("/outages", area=area)]


async def test_outages_elsewhere_are_not_shown(call: Caller) -> None:
    assert await call.get("/outages", area="北京") == []
    assert len(await call.get("/outages")) == 2


@pytest.mark.parametrize(
    "path", ["/customers/C-9", "/bills/B-9", "/lines/L-9", "/lines/L-9/usage", "/orders/QH9", "/nowhere"]
)
async def test_what_does_not_exist_is_a_problem_document(call: Caller, path: str) -> None:
    refused(await call.http.get(path), "not_found", 404)


@pytest.mark.parametrize("body", [b"", b"[]", b'{"gb": "much"}', b'{"gb": 1e999}', b"\xff\xfe", b'{"gb": null}'])
async def test_malformed_bodies_are_problem_documents(call: Caller, body: bytes) -> None:
    headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
    refused(await call.http.post("/lines/L-103/data", content=body, headers=headers), "invalid", 422)


# -------------------------------------------------------------------- one-time codes


async def test_a_code_verifies_and_goes_on_verifying(call: Caller) -> None:
    sent = (await call.post("/customers/C-1001/verifications")).json()
    assert sent["sent_to"] == "199****0101"
    code = await call.code("C-1001")
    assert re.fullmatch(r"\d{6}", code)
    for _ in range(2):
        answer = await call.http.post(f"/verifications/{sent['verification']}", json={"code": code})
        assert answer.json() == {"verified": True, "attempts_left": 5}


async def test_five_wrong_codes_end_a_verification(call: Caller) -> None:
    path = f"/verifications/{(await call.post('/customers/C-1001/verifications')).json()['verification']}"
    code = await call.code("C-1001")
    wrong = "000000" if code != "000000" else "111111"
    left = [(await call.http.post(path, json={"code": wrong})).json()["attempts_left"] for _ in range(5)]
    assert left == [4, 3, 2, 1, 0]
    assert (await call.http.post(path, json={"code": code})).json() == {"verified": False, "attempts_left": 0}


async def test_old_and_replaced_codes_are_refused(call: Caller, clock: Clock) -> None:
    first = (await call.post("/customers/C-1001/verifications")).json()["verification"]
    code = await call.code("C-1001")
    second = (await call.post("/customers/C-1001/verifications")).json()["verification"]
    refused(await call.http.post(f"/verifications/{first}", json={"code": code}), "conflict", 409)
    clock.now += timedelta(minutes=10)
    code = await call.code("C-1001")
    refused(await call.http.post(f"/verifications/{second}", json={"code": code}), "conflict", 409)


async def test_codes_cannot_be_asked_for_without_end(call: Caller, clock: Clock) -> None:
    for _ in range(10):
        assert (await call.post("/customers/C-1001/verifications")).status_code == 202
    refused(await call.post("/customers/C-1001/verifications"), "not_allowed", 403)
    clock.now += timedelta(minutes=11)
    assert (await call.post("/customers/C-1001/verifications")).status_code == 202


# -------------------------------------------------------------------- writes and policy


async def test_the_same_key_acts_once(call: Caller) -> None:
    first = await call.post("/lines/L-103/data", {"gb": 1}, key="same")
    again = await call.post("/lines/L-103/data", {"gb": 1}, key="same")
    assert first.json() == again.json()
    assert (await call.get("/lines/L-103/usage"))["refuelled_gb"] == 1
    assert len([bill for bill in await call.get("/customers/C-1003/bills") if bill["status"] == "draft"]) == 1


async def test_a_refusal_is_a_result_too(call: Caller) -> None:
    refused(await call.post("/lines/L-102/resume", key="same"), "not_allowed", 403)
    await call.post("/bills/B-1002-2/payment-requests")
    await call.http.post("/demo/payment-requests/B-1002-2/accept")
    refused(await call.post("/lines/L-102/resume", key="same"), "not_allowed", 403)
    assert (await call.post("/lines/L-102/resume", key="other")).json()["status"] == "active"


async def test_a_key_belongs_to_one_request(call: Caller) -> None:
    await call.post("/lines/L-103/data", {"gb": 1}, key="same")
    refused(await call.post("/lines/L-103/data", {"gb": 2}, key="same"), "conflict", 409)


async def test_a_write_without_a_key_is_refused(call: Caller) -> None:
    refused(await call.http.post("/lines/L-101/suspend"), "invalid", 422)
    long = {"Idempotency-Key": "k" * 101}
    refused(await call.http.post("/lines/L-101/suspend", headers=long), "invalid", 422)
    assert (await call.get("/lines/L-101"))["status"] == "active"


async def test_results_and_data_survive_a_restart(call: Caller, app: FastAPI, tmp_path: Path, clock: Clock) -> None:
    first = await call.post("/lines/L-103/data", {"gb": 1.5}, key="same")
    # No orderly end: the file is opened by a second process as a crash would have left it.
    second = create_app(tmp_path / "accounts.db", clock=clock, seed_file=SEED)
    later = Caller(second)
    again = await later.post("/lines/L-103/data", {"gb": 1.5}, key="same")
    assert again.json() == first.json()
    assert (await later.get("/lines/L-103/usage"))["refuelled_gb"] == 1.5
    await later.http.aclose()
    second.state.store.close()


async def test_payment_goes_from_request_to_paid_one_bill_at_a_time(call: Caller) -> None:
    overdue = [bill["id"] for bill in await call.get("/customers/C-1008/bills") if bill["status"] == "overdue"]
    assert len(overdue) == 2
    answer = await call.post(f"/bills/{overdue[1]}/payment-requests")
    assert (answer.status_code, answer.json()["status"]) == (202, "awaiting_payment")
    refused(await call.post(f"/bills/{overdue[0]}/payment-requests"), "conflict", 409)
    (request,) = await call.get("/demo/inbox", customer="C-1008")
    assert request["status"] == "awaiting_payment"
    assert (await call.http.post(request["accept"])).json()["status"] == "paid"
    assert (await call.get(f"/bills/{overdue[1]}"))["status"] == "paid"
    refused(await call.post(f"/bills/{overdue[1]}/payment-requests"), "conflict", 409)
    refused(await call.post("/lines/L-109/resume"), "not_allowed", 403)


async def test_a_payment_request_is_valid_for_a_day(call: Caller, clock: Clock) -> None:
    bills = await call.get("/customers/C-1008/bills")
    first, second = [bill["id"] for bill in bills if bill["status"] == "overdue"]
    await call.post(f"/bills/{first}/payment-requests")
    clock.now += timedelta(hours=23, minutes=59)
    assert (await call.get(f"/bills/{first}"))["status"] == "awaiting_payment"
    clock.now += timedelta(minutes=1)
    assert (await call.get(f"/bills/{first}"))["status"] == "overdue"
    (request,) = await call.get("/demo/inbox", customer="C-1008")
    assert request["status"] == "expired"
    refused(await call.http.post(request["accept"]), "conflict", 409)
    assert (await call.post(f"/bills/{second}/payment-requests")).status_code == 202  # the old one is in nobody's way
    newest, _ = await call.get("/demo/inbox", customer="C-1008")
    assert (await call.http.post(newest["accept"])).json()["status"] == "paid"
    assert (await call.post(f"/bills/{first}/payment-requests")).json()["status"] == "awaiting_payment"


async def test_a_payment_nobody_asked_for_is_not_accepted(call: Caller) -> None:
    refused(await call.http.post("/demo/payment-requests/B-1002-2/accept"), "conflict", 409)


async def test_an_ended_contract_keeps_a_line_suspended(call: Caller) -> None:
    refused(await call.post("/lines/L-104/resume"), "not_allowed", 403)
    refused(await call.post("/lines/L-101/resume"), "conflict", 409)


@pytest.mark.parametrize(("gb", "status"), [(0, 422), (-1, 422), (2, 200), (2.1, 403)])
async def test_refuelling_is_bounded(call: Caller, gb: float, status: int) -> None:
    assert (await call.post("/lines/L-103/data", {"gb": gb})).status_code == status


async def test_refuelling_is_bounded_over_the_period_and_charged(call: Caller) -> None:
    assert (await call.post("/lines/L-103/data", {"gb": 1.5})).json()["refuelled_gb"] == 1.5
    refused(await call.post("/lines/L-103/data", {"gb": 1}), "not_allowed", 403)
    (draft,) = [bill for bill in await call.get("/customers/C-1003/bills") if bill["status"] == "draft"]
    assert draft["items"][-1]["amount"] == {"amount": "15.00", "currency": "CNY"}


async def test_suspending_and_resuming(call: Caller) -> None:
    suspended = (await call.post("/lines/L-101/suspend", {"reason": "customer_request"})).json()
    assert suspended["status"] == "suspended"
    assert suspended["suspended_since"] == "2026-03-10T04:00:00Z"
    refused(await call.post("/lines/L-101/data", {"gb": 1}), "conflict", 409)
    resumed = (await call.post("/lines/L-101/resume")).json()
    assert resumed["status"] == "active"
    assert "suspended_since" not in resumed


async def test_roaming(call: Caller) -> None:
    assert (await call.put("/lines/L-105/roaming", {"enabled": True})).json()["roaming"] is True
    assert (await call.put("/lines/L-105/roaming", {"enabled": True})).json()["roaming"] is True
    refused(await call.put("/lines/L-117/roaming", {"enabled": True}), "not_allowed", 403)


async def test_changing_the_plan(call: Caller) -> None:
    assert (await call.put("/lines/L-106/plan", {"plan": "max"})).json()["plan"]["id"] == "max"
    assert (await call.get("/lines/L-106/usage"))["included_gb"] == 80
    refused(await call.put("/lines/L-106/plan", {"plan": "max"}), "conflict", 409)
    refused(await call.put("/lines/L-106/plan", {"plan": "start"}), "not_allowed", 403)
    refused(await call.put("/lines/L-106/plan", {"plan": "fiber300"}), "not_allowed", 403)
    refused(await call.put("/lines/L-106/plan", {"plan": "none"}), "not_found", 404)


async def test_opening_a_ticket(call: Caller) -> None:
    body = {"kind": "repair", "summary": "No light", "line": "L-116", "preferred_time": "2026-03-12 morning"}
    answer = await call.post("/customers/C-1013/tickets", body)
    assert answer.status_code == 201
    assert re.fullmatch(r"T-\d{6}", answer.json()["id"])
    assert (await call.get("/customers/C-1013/tickets"))[0]["id"] == answer.json()["id"]
    refused(await call.post("/customers/C-1013/tickets", {**body, "line": "L-101"}), "not_found", 404)
    refused(await call.post("/customers/C-1013/tickets", {**body, "kind": "wish"}), "invalid", 422)


# -------------------------------------------------------------------- seeding


def write(folder: Path, document: Any) -> Path:
    path = folder / "seed.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document), "utf-8")
    return path


def test_dates_are_relative_to_the_company_s_day(tmp_path: Path) -> None:
    late = datetime(2026, 1, 31, 17, 30, tzinfo=UTC).astimezone(ZoneInfo("Asia/Shanghai"))
    texts = [
        "@today",
        "@today+9d",
        "@today-1dT08:30:00Z",
        "@today-3d/@today+3d",
        "@month_start",
        "@month_end",
        "@next_month_start",
    ]
    orders = [{"id": str(number), "status": "placed", "expected": text} for number, text in enumerate(texts)]
    loaded = load(write(tmp_path, {"orders": orders}), now=late)["orders"]
    assert [order["expected"] for order in loaded] == [
        "2026-02-01", "2026-02-10", "2026-01-31T08:30:00Z", "2026-01-29/2026-02-04", "2026-02-01", "2026-02-28",
        "2026-03-01",
    ]  # fmt: skip
    assert date.fromisoformat(loaded[0]["expected"]) == late.date()


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ("{", "not valid JSON"),
        ([], "must be an object"),
        ({"lines": [{"id": "L-1"}]}, r"lines\[0\]: customer, phone, status missing"),
        ({"customers": ["who"]}, r"customers\[0\]: must be an object"),
        (
            {"lines": [{"id": "L", "customer": "C", "phone": "1", "status": "active"}]},
            "lines L: customer C is not among",
        ),
        ({"plans": [{"id": "p", "name": "P"}, {"id": "p", "name": "P"}]}, "plans: an id occurs twice"),
    ],
)
def test_mistakes_in_the_file_are_named(tmp_path: Path, document: Any, says: str) -> None:
    with pytest.raises(SeedError, match=says):
        load(write(tmp_path, document), now=NOON)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SeedError, match=r"nothing\.json: cannot be read"):
        load(tmp_path / "nothing.json", now=NOON)
