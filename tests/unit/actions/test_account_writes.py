"""Account work that changes something: policy, code, confirmation, and then exactly once."""

from __future__ import annotations

import pytest
from conversations import NOON, Conversation

from actions.dialogue import respond
from actions.state import State
from actions.turn import read_turn


async def test_adding_data(zh: Conversation) -> None:
    await zh.say("加流量 19900000103", "buy_data")
    assert zh.keys == ["ask.amount"]
    await zh.say("2")
    assert zh.keys == ["ask.otp"]
    (text,) = await zh.give_code()
    assert text == "给 199****0103 加 2GB 流量，费用 ¥20.00，计入下一期账单。确认办理吗？"
    assert zh.messages[0]["step"] == {"kind": "confirm", "id": "refuel_data"}
    usage = (await zh.http.get("/lines/L-103/usage")).json()
    assert usage["refuelled_gb"] == 0
    await zh.press(0)
    assert zh.keys == ["refuel.done"]
    usage = (await zh.http.get("/lines/L-103/usage")).json()
    assert usage["refuelled_gb"] == 2


@pytest.mark.parametrize(
    ("said", "volume"),
    [("1个G", 1.0), ("1.5GB", 1.5), ("500M", 0.5), ("半个G", 0.5), ("one gig: 1GB please", 1.0), ("一个半G", 1.5)],
)
async def test_volumes_are_read_as_people_say_them(zh: Conversation, said: str, volume: float) -> None:
    await zh.say("加流量 19900000103", "buy_data")
    await zh.say(said)
    assert zh.keys == ["ask.otp"]
    assert zh.state.task is not None
    assert zh.state.task.args["gb"] == volume


async def test_too_much_data_is_asked_again(en: Conversation) -> None:
    await en.say("add 5GB to 19900000103", "buy_data", data_volume="5")
    assert en.keys == ["ask.amount_out_of_range"]
    await en.say("3")
    assert en.keys == ["ask.amount_out_of_range"]
    await en.press(0)
    assert en.keys == ["ask.otp"]


async def test_no_more_than_the_period_allows(en: Conversation) -> None:
    await en.http.post("/lines/L-103/data", json={"gb": 2}, headers={"Idempotency-Key": "before"})
    await en.say("add 1GB to 19900000103", "buy_data", data_volume="1")
    assert en.keys == ["refuel.full"]


async def test_declining_changes_nothing(en: Conversation) -> None:
    await en.say("add 1GB to 19900000103", "buy_data", data_volume="1")
    await en.give_code()
    await en.say("no", "deny")
    assert en.keys == ["talk.cancelled"]
    assert (await en.http.get("/lines/L-103/usage")).json()["refuelled_gb"] == 0


@pytest.mark.parametrize("intent", ["deny", "correct", "inform", "buy_data"])
async def test_another_amount_is_confirmed_anew(en: Conversation, intent: str) -> None:
    await en.say("add 1GB to 19900000103", "buy_data", data_volume="1")
    await en.give_code()
    old = en.messages[0]["choices"][0]["value"]
    (text,) = await en.say("no, make it 2GB", intent, data_volume="2")
    assert "¥20.00" in text
    await en.send_value(old)
    assert en.keys == ["talk.old_button", "ask.again"]
    await en.say("yes", "affirm")
    assert (await en.http.get("/lines/L-103/usage")).json()["refuelled_gb"] == 2


async def test_wrong_codes_end_with_a_person(zh: Conversation) -> None:
    await zh.say("给19900000103加1GB", "buy_data", data_volume="1", phone_number="19900000103")
    wrong = "000000" if await zh.code() != "000000" else "111111"
    for left in (4, 3, 2, 1):
        (text,) = await zh.say(wrong)
        assert f"还可以试 {left} 次" in text
    await zh.say(wrong)
    assert zh.keys == ["otp.used_up"]
    assert zh.reason == "repeated_failure"
    assert (await zh.http.get("/lines/L-103/usage")).json()["refuelled_gb"] == 0


@pytest.mark.parametrize(
    ("said", "intent"), [("没收到验证码", "fault_login"), ("didn't get it", "unsure"), ("resend please", "repeat")]
)
async def test_a_new_code(zh: Conversation, said: str, intent: str) -> None:
    await zh.say("查账单 19900000106", "check_bill")
    first = await zh.code()
    await zh.say(said, intent)
    assert zh.keys == ["otp.resent"]
    if await zh.code() != first:  # one in a million says the same
        await zh.say(first)
        assert zh.keys == ["otp.wrong"]
    await zh.give_code()
    assert zh.keys == ["bill.paid"]


async def test_an_expired_code_is_replaced(zh: Conversation) -> None:
    await zh.say("查账单 19900000106", "check_bill")
    code = await zh.code()
    zh.clock.forward(minutes=11)
    await zh.say(code)
    assert zh.keys == ["otp.expired"]
    await zh.give_code()
    assert zh.keys == ["bill.paid"]


async def test_codes_without_end_lead_to_a_person(zh: Conversation) -> None:
    await zh.say("查账单 19900000106", "check_bill")
    for _ in range(9):
        await zh.say("重发", "repeat")
        assert zh.keys == ["otp.resent"]
    await zh.say("重发", "repeat")
    assert zh.reason == "repeated_failure"


async def test_changing_the_plan(en: Conversation) -> None:
    await en.say("switch 19900000108 to Meadow", "change_plan", plan="max", phone_number="19900000108")
    (text,) = await en.give_code()
    assert "Meadow: 80 GB a month, ¥129.00" in text
    assert en.messages[0]["step"]["id"] == "change_plan"
    await en.say("yes", "affirm")
    assert en.keys == ["change.done"]
    assert (await en.line("L-108"))["plan"]["id"] == "max"


@pytest.mark.parametrize(
    ("said", "more"),
    [("青禾畅享吧", {}), ("80GB那个", {"plan": "max"}), ("80gb", {"data_volume": "80"}), ("Meadow", {"plan": "max"})],
)
async def test_a_plan_is_chosen_in_words(zh: Conversation, said: str, more: dict[str, str]) -> None:
    await zh.say("换套餐 19900000101", "change_plan")
    assert zh.keys == ["ask.plan"]
    await zh.say(said, "check_plan", **more)
    assert zh.keys == ["ask.otp"]
    assert zh.state.task is not None
    assert zh.state.task.args["plan"] == "max"


async def test_a_cheaper_plan_under_contract_takes_a_person(zh: Conversation) -> None:
    await zh.say("19900000101 换成青芽套餐", "change_plan", plan="start", phone_number="19900000101")
    assert (zh.keys, zh.reason) == (["change.contract"], "policy")


async def test_the_same_plan_needs_no_change(zh: Conversation) -> None:
    await zh.say("19900000101 换成青叶套餐", "change_plan", plan="plus", phone_number="19900000101")
    assert zh.keys == ["change.same"]


async def test_overdue_bills_come_before_a_new_plan(zh: Conversation) -> None:
    await zh.say("19900000119 换成青叶套餐", "change_plan", plan="plus", phone_number="19900000119")
    await zh.give_code()
    assert zh.keys == ["change.unpaid"]


@pytest.mark.parametrize(
    ("phone", "intent", "done", "roaming"),
    [
        ("19900000105", "enable_roaming", "roaming.done_on", True),
        ("19900000113", "disable_roaming", "roaming.done_off", False),
    ],
)
async def test_roaming(en: Conversation, phone: str, intent: str, done: str, roaming: bool) -> None:
    await en.say(f"roaming {phone}", intent)
    (text,) = await en.give_code()
    assert "free" in text or "no charge" in text
    await en.say("yes", "affirm")
    assert en.keys == [done]
    assert en.state.line is not None
    assert (await en.line(en.state.line))["roaming"] is roaming


async def test_roaming_that_is_on_already(en: Conversation) -> None:
    await en.say("turn roaming on for 19900000113", "enable_roaming")
    assert en.keys == ["roaming.already_on"]
    await en.say("turn roaming on for 19900000117", "enable_roaming", phone_number="19900000117")
    assert en.keys == ["roaming.not_mobile"]


async def test_a_lost_phone_and_found_again(zh: Conversation) -> None:
    await zh.say("手机丢了，停机 19900000101", "suspend_line")
    await zh.give_code()
    assert zh.messages[0]["step"]["id"] == "suspend_line"
    await zh.say("确认", "affirm")
    assert (await zh.line("L-101"))["status"] == "suspended"
    await zh.say("找到了，恢复吧", "resume_line")
    assert zh.keys == ["resume.confirm"]
    await zh.say("好", "affirm")
    assert zh.keys == ["resume.done"]
    assert (await zh.line("L-101"))["status"] == "active"


async def test_from_a_suspended_line_over_payment_to_a_working_one(zh: Conversation) -> None:
    await zh.say("19900000102 怎么停机了，帮我恢复", "resume_line")
    await zh.give_code()
    assert zh.keys == ["resume.unpaid"]
    await zh.say("好的", "affirm")
    assert zh.keys == ["pay.confirm"]
    await zh.say("好的", "affirm")
    assert zh.keys == ["pay.sent"]
    await zh.press(0)
    assert zh.keys == ["pay.waiting"]
    await zh.http.post("/demo/payment-requests/B-1002-2/accept")
    await zh.press(0)
    assert zh.keys == ["pay.paid_resume"]
    await zh.press(0)
    assert zh.keys == ["resume.confirm"]
    await zh.press(0)
    assert zh.keys == ["resume.done"]
    assert (await zh.line("L-102"))["status"] == "active"


async def test_an_ended_contract_takes_a_person(zh: Conversation) -> None:
    await zh.say("恢复 19900000104", "resume_line")
    assert (zh.keys, zh.reason) == (["resume.contract_ended"], "policy")
    assert zh.messages[0]["escalate"]["context"]["line"] == "L-104"


async def test_several_overdue_bills_are_paid_oldest_first(zh: Conversation) -> None:
    await zh.say("交话费 19900000109", "pay_bill")
    await zh.give_code()
    assert zh.keys == ["pay.several", "pay.confirm"]
    oldest = zh.messages[-1]["params"]["due"]["$date"]
    bills = (await zh.http.get("/customers/C-1008/bills")).json()
    assert oldest == min(bill["due"] for bill in bills if bill["status"] == "overdue")


@pytest.mark.parametrize(("phone", "key"), [("19900000110", "pay.not_due"), ("19900000101", "pay.nothing")])
async def test_nothing_to_pay(zh: Conversation, phone: str, key: str) -> None:
    await zh.say(f"交话费 {phone}", "pay_bill")
    await zh.give_code()
    assert zh.keys == [key]


async def test_booking_a_technician(zh: Conversation) -> None:
    await zh.say("约师傅上门 19900000116", "book_technician")
    assert zh.keys == ["ask.time"]
    await zh.say("后天")
    assert zh.keys[-1] == "ask.time"
    await zh.say("晚上")
    (text,) = await zh.give_code()
    assert "2026年3月12日晚上" in text
    await zh.say("可以", "affirm")
    assert zh.keys == ["visit.done"]
    tickets = (await zh.http.get("/customers/C-1013/tickets")).json()
    assert (tickets[0]["kind"], tickets[0]["appointment"]) == ("repair", "2026-03-12 evening")


async def test_a_line_that_is_not_active_cannot_be_changed(en: Conversation) -> None:
    await en.say("add 1GB to 19900000102", "buy_data", data_volume="1")
    assert en.keys == ["line.is_suspended"]
    await en.say("add 1GB to 19900000112", "buy_data", data_volume="1", phone_number="19900000112")
    assert en.keys == ["line.is_pending"]


@pytest.mark.parametrize(
    ("text", "intent", "read"),
    [
        ("add 1GB to 19900000103", "buy_data", "/customers/C-1003/bills"),
        ("suspend 19900000103", "suspend_line", "/lines/L-103"),
        ("roaming on for 19900000103", "enable_roaming", "/lines/L-103"),
        ("19900000103 to the 30GB plan", "change_plan", "/lines/L-103"),
        ("book a visit for 19900000103 tomorrow morning", "book_technician", "/customers/C-1003/tickets"),
        ("pay the bill of 19900000119", "pay_bill", "/customers/C-1015/bills"),
    ],
)
async def test_a_turn_that_runs_twice_acts_once(en: Conversation, text: str, intent: str, read: str) -> None:
    """As after a crash behind the write: the same turn runs again from the state before it."""
    await en.say(text, intent)
    await en.give_code()
    before = en.state
    await en.say("yes", "affirm")
    first = (await en.http.get(read)).json()
    latest = {
        "text": "yes",
        "intent": {"name": "affirm"},
        "metadata": {
            "conversation": "conversation-1", "turn": en.turn, "locale": "en",
            "parse": {"intent": {"name": "affirm", "confidence": 0.95}, "threshold": 0.6},
        },
    }  # fmt: skip
    again = await respond(read_turn("continue", latest, conversation="x", now=NOON), before, en.ports)
    assert (await en.http.get(read)).json() == first
    assert not again.paused
    if intent != "pay_bill":  # there the second run sees the request of the first, and says that it waits
        assert again.messages == en.messages


async def test_a_refused_write_takes_a_person(en: Conversation) -> None:
    await en.say("suspend 19900000103", "suspend_line")
    await en.give_code()
    await en.http.post("/lines/L-103/suspend", headers={"Idempotency-Key": "elsewhere"})
    await en.say("yes", "affirm")
    assert (en.keys, en.reason) == (["write.refused"], "policy")
    assert en.state.task is None
    assert State.from_json(en.state.to_json()) == en.state
