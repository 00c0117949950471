"""Questions about an account: who is asking, for which line, and what they are told."""

from __future__ import annotations

import pytest
from conversations import Clock, Conversation


async def test_usage_after_giving_the_number(zh: Conversation) -> None:
    await zh.say("我还剩多少流量", "check_data_usage")
    assert zh.keys == ["ask.phone"]
    (text,) = await zh.say("199 0000 0101")
    assert text == "199****0101 本期还剩 18.4GB 流量（共 30GB，已用 11.6GB），2026年3月19日 到期更新。"
    assert not zh.state.awaiting


async def test_the_number_may_come_with_the_question(en: Conversation) -> None:
    (text,) = await en.say("how much data is left on 19900000108?", "check_data_usage", phone_number="19900000108")
    assert "1.1 GB" in text


@pytest.mark.parametrize(
    "spoken",
    [
        "一九九零零零零零一零一", "１９９００００００１０１"[:0] + "１９９０００００１０１", "+86 199-0000-0101",
        "one nine nine, zero zero zero zero zero one oh one", "one double nine triple zero double zero one zero one",
        "我的号码是19900000101，谢谢",
    ],
)  # fmt: skip
async def test_numbers_are_read_as_people_give_them(zh: Conversation, spoken: str) -> None:
    await zh.say("查流量", "check_data_usage")
    await zh.say(spoken)
    assert zh.keys == ["usage.left"]
    assert zh.state.line == "L-101"


async def test_the_line_is_remembered(zh: Conversation) -> None:
    await zh.say("查流量 19900000101", "check_data_usage")
    (text,) = await zh.say("我的套餐什么时候到期", "check_plan")
    assert zh.keys == ["plan.answer"]
    assert "青叶套餐" in text
    assert "2026年10月6日" in text


async def test_an_unknown_number_is_asked_again_and_then_a_person_comes(en: Conversation) -> None:
    await en.say("check my data", "check_data_usage")
    await en.say("13800000000")
    assert en.keys == ["ask.phone_unknown"]
    await en.say("13800000001")
    assert en.keys == ["ask.stuck", "ask.phone_unknown"]
    await en.say("13800000002")
    assert en.reason == "repeated_failure"


async def test_a_contact_number_with_several_lines_leads_to_a_choice(zh: Conversation) -> None:
    """The number identifies a customer who has several lines; another line is one press away."""
    await zh.say("19900000114")
    zh.state.line = None
    await zh.say("查套餐", "check_plan")
    assert zh.keys == ["ask.line"]
    labels = [choice["params"]["number"]["$phone"] for choice in zh.messages[0]["choices"]]
    assert labels == ["19900000114", "19900000115", "19900000116"]
    assert all("1990000011" not in choice["value"] for choice in zh.messages[0]["choices"])
    await zh.press(1)
    assert zh.state.line == "L-115"
    assert zh.keys == ["plan.answer"]


@pytest.mark.parametrize("said", ["第二个", "尾号0115", "the second one", "115那个", "银龄套餐"])
async def test_a_line_is_chosen_in_words(zh: Conversation, said: str) -> None:
    await zh.say("19900000114")
    zh.state.line = None
    await zh.say("查套餐", "check_plan")
    await zh.say(said)
    assert zh.state.line == "L-115"


@pytest.mark.parametrize("said", ["不是这个，是另一个号码", "不对，是107那个", "no, the other number"])
async def test_the_other_number(zh: Conversation, said: str) -> None:
    await zh.say("查流量 19900000106", "check_data_usage")
    (text,) = await zh.say(said, "correct")
    assert zh.state.line == "L-107"
    assert zh.keys == ["usage.left"]
    assert "8.5GB" in text


async def test_the_other_of_several_numbers_is_a_choice(en: Conversation) -> None:
    await en.say("data on 19900000114", "check_data_usage")
    await en.say("no, the other number", "correct")
    assert en.keys == ["ask.line"]
    await en.press(0)
    assert en.state.line == "L-115"
    assert en.keys == ["usage.left"]


async def test_a_correction_with_a_number_of_somebody_else(en: Conversation) -> None:
    await en.say("data on 19900000106", "check_data_usage")
    await en.say("sorry, I meant 19900000108", "correct", phone_number="19900000108")
    assert en.state.customer == "C-1007"
    assert en.keys == ["usage.left"]


async def test_the_only_number_was_wrong(en: Conversation) -> None:
    await en.say("data on 19900000108", "check_data_usage")
    await en.say("no, the other number", "correct")
    assert en.keys == ["ask.phone_other"]
    await en.say("19900000103")
    assert en.keys == ["usage.used_up"]


async def test_another_line_as_a_follow_up(zh: Conversation) -> None:
    await zh.say("查流量 19900000106", "check_data_usage")
    await zh.say("那0107呢")
    assert zh.state.line == "L-107"
    assert zh.keys == ["usage.left"]


async def test_used_up_data_offers_more(en: Conversation) -> None:
    await en.say("how much data on 19900000103", "check_data_usage")
    assert en.keys == ["usage.used_up"]
    await en.say("yes please", "affirm")
    assert en.keys == ["ask.amount"]


async def test_a_detail_takes_up_the_offer(en: Conversation) -> None:
    await en.say("how much data on 19900000103", "check_data_usage")
    await en.say("2GB", data_volume="2")
    assert en.keys == ["ask.otp"]


async def test_broadband_has_no_limit(zh: Conversation) -> None:
    await zh.say("19900000117 流量", "check_data_usage")
    assert zh.keys == ["usage.unlimited"]
    (text,) = await zh.say("什么套餐", "check_plan")
    assert "光纤300M：不限流量，每月 ¥89.00" in text


async def test_a_suspended_line_is_told_of(zh: Conversation) -> None:
    await zh.say("查套餐 19900000102", "check_plan")
    assert zh.keys == ["plan.answer", "line.is_suspended"]


async def test_bills_need_a_code(zh: Conversation) -> None:
    await zh.say("查话费", "check_bill")
    await zh.say("19900000106")
    assert zh.keys == ["ask.otp"]
    assert "128" not in str(zh.messages)
    (text,) = await zh.give_code()
    assert zh.keys == ["bill.paid"]
    assert "¥128.00" in text
    await zh.say("再查一次", "check_bill")
    assert zh.keys == ["bill.paid"]


async def test_verification_ends_after_a_while(zh: Conversation, clock: Clock) -> None:
    await zh.say("查话费 19900000106", "check_bill")
    await zh.give_code()
    clock.forward(minutes=16)
    await zh.say("查话费", "check_bill")
    assert zh.keys == ["ask.otp"]


async def test_verification_belongs_to_one_customer(zh: Conversation) -> None:
    await zh.say("查话费 19900000106", "check_bill")
    await zh.give_code()
    await zh.say("19900000102的账单呢", "check_bill", phone_number="19900000102")
    assert zh.keys == ["ask.otp"]


async def test_an_overdue_bill_comes_first_and_leads_to_payment(en: Conversation) -> None:
    await en.say("my bill for 19900000102", "check_bill")
    (text,) = await en.give_code()
    assert en.keys == ["bill.overdue"]
    assert "¥77.00" in text
    await en.say("ok", "affirm")
    assert en.keys == ["pay.confirm"]


@pytest.mark.parametrize(
    ("phone", "key"),
    [
        ("19900000109", "bill.several_overdue"), ("19900000110", "bill.issued"), ("19900000111", "bill.disputed"),
        ("19900000113", "bill.awaiting"), ("19900000112", "bill.none"),
    ],
)  # fmt: skip
async def test_every_state_of_a_bill_has_its_answer(zh: Conversation, phone: str, key: str) -> None:
    await zh.say(f"查账单 {phone}", "check_bill")
    await zh.give_code()
    assert zh.keys[0] == key


async def test_orders(zh: Conversation) -> None:
    (text,) = await zh.say("QH48210937到哪了", "order_status", order_number="QH48210937")
    assert "运输途中" in text
    assert "SD7730142865" in text


async def test_an_order_number_is_asked_for(en: Conversation) -> None:
    await en.say("where is my order", "order_status")
    assert en.keys == ["ask.order"]
    await en.say("qh 4820 0000")
    assert en.keys == ["ask.order_unknown"]
    await en.say("sorry QH48213358")
    assert en.keys == ["order.answer"]


async def test_a_late_order_offers_a_person(en: Conversation) -> None:
    await en.say("where is QH48196402", "order_status")
    assert en.keys == ["order.answer", "order.trouble"]
    await en.say("yes", "affirm")
    assert en.reason == "customer_asked"


async def test_a_bare_order_number_is_looked_up(zh: Conversation) -> None:
    await zh.say("QH48210937", order_number="QH48210937")
    assert zh.keys == ["order.answer"]


async def test_tickets(zh: Conversation) -> None:
    (text,) = [*await zh.say("查工单", "ticket_status"), *await zh.say("19900000114")][1:]
    assert "T-104233（报修）：已安排，预约上门时间 2026年3月11日 09:00" in text
    await zh.say("T-999999", "ticket_status", ticket_number="T-999999")
    assert zh.keys == ["ask.ticket_unknown"]
    await zh.say("T-104233")
    assert zh.keys == ["ticket.answer"]


async def test_no_tickets(en: Conversation) -> None:
    await en.say("my ticket, 19900000108", "ticket_status")
    assert en.keys == ["ticket.none"]


async def test_outages(zh: Conversation) -> None:
    await zh.say("是不是断网了", "check_outage")
    assert zh.keys == ["ask.place"]
    (text,) = await zh.say("西湖区", place="xihu")
    assert "宽带、电视" in text
    await zh.say("北京有故障吗", "check_outage", place="beijing")
    assert zh.keys == ["outage.none"]


async def test_a_place_that_the_model_does_not_know(en: Conversation) -> None:
    await en.say("is there an outage", "check_outage")
    (text,) = await en.say("Suzhou Industrial Park"[:15], "coverage", confidence=0.3)
    assert "no end time yet" in text


@pytest.mark.parametrize(
    ("text", "key", "first"),
    [("哪个最便宜", "plan.cheapest", "最便宜的是银龄套餐"), ("哪个流量最多", "plan.most_data", "流量最多的是青禾家庭")],
)
async def test_the_cheapest_plan_and_the_one_with_most_data_come_first(
    zh: Conversation, text: str, key: str, first: str
) -> None:
    (said,) = await zh.say(text, "list_plans")
    assert zh.keys == [key]
    assert said.startswith(first)
    assert said.count("光纤") == 2, "all are listed"


async def test_another_place_is_looked_up_after_one_was(en: Conversation) -> None:
    await en.say("is there an outage in Xihu", "check_outage", place="xihu")
    for intent in ("inform", "coverage"):
        await en.say("what about Beijing", intent, confidence=0.95 if intent == "inform" else 0.3, place="beijing")
        assert en.keys == ["outage.none"]


async def test_plans_need_no_number(en: Conversation) -> None:
    (text,) = await en.say("what plans do you have", "list_plans")
    assert "Leaf: 30 GB a month, ¥69.00" in text
    assert len(text.splitlines()) == 9


async def test_a_bare_number_leads_to_offers(en: Conversation) -> None:
    await en.say("19900000108")
    assert en.keys == ["identify.done"]
    assert [choice["value"] for choice in en.messages[0]["choices"]] == [
        "/check_data_usage",
        "/check_plan",
        "/check_bill",
    ]
