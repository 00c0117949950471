"""Several wishes in one message."""

from __future__ import annotations

from conversations import Conversation


async def test_what_needs_no_talk_is_answered_and_the_task_goes_on(zh: Conversation) -> None:
    await zh.say("查一下流量，顺便问你是机器人吗", "check_data_usage", also=[("bot_challenge", "问你是机器人吗")])
    # Small talk that accompanies a request is no wish of its own.
    assert zh.keys == ["ask.phone"]
    await zh.say("查一下流量，另外怎么开发票", "check_data_usage", also=[("invoice", "怎么开发票")])
    assert zh.state.task is not None
    assert zh.state.task.skill == "check_data_usage"


async def test_two_tasks_come_one_after_the_other(en: Conversation) -> None:
    text = "how much data is left on 19900000108 and also what is on my bill"
    await en.say(text, "check_data_usage", phone_number="19900000108", also=[("check_bill", "what is on my bill")])
    assert en.keys[0].startswith("usage.")
    assert en.keys[-1] == "resume.next"
    await en.say("yes", "affirm")
    assert en.state.task is not None
    assert en.state.task.skill == "check_bill"


async def test_the_second_task_waits_for_the_first_ones_question(zh: Conversation) -> None:
    await zh.say("查流量，还有帮我查一下订单", "check_data_usage", also=[("order_status", "帮我查一下订单")])
    assert zh.keys == ["ask.phone"]
    await zh.say("19900000108", "inform", phone_number="19900000108")
    assert zh.keys[-1] == "resume.next"
    await zh.say("不用了", "deny")
    assert zh.keys == ["resume.dropped"]


async def test_each_wish_keeps_its_own_details(en: Conversation) -> None:
    text = "where is order QH48210937 and also add 5GB to my line"
    await en.say(
        text, "order_status", order_number="QH48210937", data_volume="5GB", also=[("buy_data", "add 5GB to my line")]
    )
    assert en.state.stack[-1].skill == "buy_data"
    assert "order" not in en.state.stack[-1].args


async def test_a_person_comes_before_everything_else(zh: Conversation) -> None:
    await zh.say("查一下账单，另外路由器冒烟了", "check_bill", also=[("safety_hazard", "路由器冒烟了")])
    assert zh.reason == "safety"
    assert zh.outcome.paused


async def test_a_greeting_is_no_wish(en: Conversation) -> None:
    await en.say("hello there. my tv box is frozen", "greet", also=[("fault_tv", "my tv box is frozen")])
    assert en.state.task is None or en.state.task.skill == "diagnose"
    assert "talk.hello" not in en.keys
