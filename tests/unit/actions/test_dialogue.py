"""The course of a conversation: digressions, misunderstandings, clarification, complaints, hand-off and back."""

from __future__ import annotations

import json

import httpx
import pytest
from conversations import Clock, Conversation

from actions.accounts import AccountsClient
from actions.ports import Ports, with_controls
from actions.retrieval import Found, SearchClient
from actions.state import MAX_STACK, State, Task, after_handback

# -------------------------------------------------------------------- greetings and the like


async def test_a_newcomer_is_greeted_with_what_can_be_done(zh: Conversation) -> None:
    await zh.say("你好", "greet")
    assert zh.keys == ["talk.hello"]
    values = [choice["value"] for choice in zh.messages[0]["choices"]]
    assert values == [f"/{one.name}" for one in zh.ports.intents.values() if one.suggest]
    await zh.say("你好", "greet")
    assert zh.keys == ["talk.hello_again"]


@pytest.mark.parametrize(
    ("intent", "key"),
    [
        ("thanks", "talk.welcome"), ("goodbye", "talk.goodbye"), ("affirm", "talk.go_on"), ("deny", "talk.fine"),
        ("unsure", "talk.unsure"), ("cancel", "talk.nothing_to_cancel"), ("repeat", "talk.nothing_to_repeat"),
        ("ask_capabilities", "talk.capabilities"), ("start_over", "talk.started_over"), ("correct", "correct.what"),
        ("bot_challenge", "text"), ("smalltalk", "text"),
    ],
)  # fmt: skip
async def test_short_replies_without_a_question(en: Conversation, intent: str, key: str) -> None:
    await en.say("…", intent)
    assert en.keys == [key]
    assert not en.state.awaiting


async def test_variants_take_turns(en: Conversation) -> None:
    said = {(await en.say("are you a bot", "bot_challenge"))[0] for _ in range(3)}
    assert len(said) > 1


async def test_repeating(en: Conversation) -> None:
    first = await en.say("data on 19900000108", "check_data_usage")
    assert await en.say("say that again", "repeat") == first
    assert await en.say("once more", "repeat") == first


async def test_starting_over_forgets_everything(en: Conversation) -> None:
    await en.say("my bill 19900000106", "check_bill")
    await en.give_code()
    await en.say("add data", "buy_data")
    await en.say("start over", "start_over")
    assert en.keys == ["talk.started_over"]
    assert (en.state.customer, en.state.line, en.state.verified_until, en.state.task) == (None, None, None, None)
    await en.say("my data", "check_data_usage")
    assert en.keys == ["ask.phone"]


async def test_goodbye_ends_what_was_open(zh: Conversation) -> None:
    await zh.say("查流量", "check_data_usage")
    await zh.say("再见", "goodbye")
    assert zh.keys == ["talk.goodbye"]
    assert not zh.state.awaiting


# -------------------------------------------------------------------- help and faults


async def test_help_is_answered_with_its_article(zh: Conversation) -> None:
    await zh.say("自动缴费哪天扣款呢", "payment_methods")
    assert zh.keys == ["answer.found"]
    (citation,) = zh.messages[0]["citations"]
    assert citation["url"] == "/help/automatic-payment"
    assert citation["passage"] in zh.texts("zh")[0]


async def test_what_no_article_answers_is_not_guessed(en: Conversation) -> None:
    await en.say("tell me about the weather in Mongolia", "coverage")
    assert en.keys == ["answer.unknown"]
    await en.say("yes", "affirm")
    assert en.reason == "low_confidence"


async def test_a_pressed_suggestion_is_searched_by_its_label(en: Conversation) -> None:
    await en.send_value("/payment_methods")
    assert en.keys[0] in {"answer.found", "answer.unknown"}
    assert en.outcome is not None


async def test_a_fault_is_answered_and_offers_the_next_step(zh: Conversation) -> None:
    await zh.say("家里宽带断网了", "fault_broadband")
    assert zh.keys[-1] in {"diagnosis.next", "diagnosis.no_article"}
    assert [choice["value"] for choice in zh.messages[-1]["choices"]] == ["/book_technician", "/talk_to_human"]
    await zh.press(0)
    assert zh.keys == ["ask.phone"]


# -------------------------------------------------------------------- digressions


async def test_a_help_question_in_the_middle(zh: Conversation) -> None:
    await zh.say("查流量", "check_data_usage")
    await zh.say("对了，自动缴费哪天扣款", "payment_methods")
    assert zh.keys == ["answer.found", "ask.phone_again"]
    await zh.say("19900000101")
    assert zh.keys == ["usage.left"]


@pytest.mark.parametrize("intent", ["greet", "thanks", "smalltalk", "bot_challenge", "ask_capabilities"])
async def test_small_talk_in_the_middle(en: Conversation, intent: str) -> None:
    await en.say("my data", "check_data_usage")
    await en.say("hello there", intent)
    assert en.keys[-1] == "ask.phone_again"
    assert len(en.keys) == 2


async def test_another_task_in_the_middle_and_back(en: Conversation) -> None:
    await en.say("add 1GB to 19900000103", "buy_data", data_volume="1")
    await en.say("wait, where is QH48210937", "order_status", order_number="QH48210937")
    assert en.keys == ["order.answer", "resume.offer"]
    await en.say("yes", "affirm")
    assert en.keys == ["ask.otp"]
    await en.give_code()
    assert en.keys == ["refuel.confirm"]


async def test_an_interrupted_task_may_be_dropped(en: Conversation) -> None:
    await en.say("add data to 19900000103", "buy_data")
    await en.say("what plans are there", "list_plans")
    await en.press(1)
    assert en.keys == ["resume.dropped"]
    assert en.state.stack == []


async def test_tasks_within_tasks_come_back_in_order(en: Conversation) -> None:
    await en.say("add data to 19900000103", "buy_data")
    await en.say("change my plan", "change_plan")
    await en.say("where is my order", "order_status")
    assert [task.skill for task in en.state.stack] == ["buy_data", "change_plan"]
    await en.say("QH48210937")
    await en.press(0)
    assert en.keys == ["ask.plan"]
    await en.say("forget it", "cancel")
    assert en.keys == ["talk.cancelled", "resume.offer"]
    await en.press(0)
    assert en.keys == ["ask.amount"]


async def test_no_endless_pile_of_tasks(en: Conversation) -> None:
    for intent in ("order_status", "check_data_usage", "check_outage", "check_bill", "change_plan", "buy_data"):
        await en.say("something else", intent)
    assert len(en.state.stack) == MAX_STACK


async def test_asking_the_same_again_is_no_digression(en: Conversation) -> None:
    await en.say("my data", "check_data_usage")
    await en.say("how much data do I have", "check_data_usage")
    assert en.keys == ["ask.phone_again"]
    assert en.state.stack == []


async def test_a_confirmation_survives_a_digression(zh: Conversation) -> None:
    await zh.say("加1GB 19900000103", "buy_data", data_volume="1", phone_number="19900000103")
    await zh.give_code()
    await zh.say("会自动续吗", "smalltalk")
    assert zh.keys == ["text", "ask.again"]
    assert zh.messages[-1]["step"] == {"kind": "confirm", "id": "refuel_data"}
    await zh.say("好", "affirm")
    assert zh.keys == ["refuel.done"]


# -------------------------------------------------------------------- not understood


async def test_one_clarifying_question_then_a_person(en: Conversation) -> None:
    ranking = [("check_bill", 0.4), ("pay_bill", 0.3), ("inform", 0.1), ("dispute_bill", 0.08), ("invoice", 0.06)]
    await en.mumble("about zat mony ting", ranking=ranking)
    assert en.keys == ["clarify.candidates"]
    values = [choice["value"] for choice in en.messages[0]["choices"]]
    assert values == ["/check_bill", "/pay_bill", "/dispute_bill", '/inform{"choice": "none"}']
    await en.mumble("zat mony")
    assert en.reason == "low_confidence"


@pytest.mark.parametrize("said", ["/order_status", "the second one", "查订单", "where is my order?"])
async def test_a_candidate_keeps_what_was_said(en: Conversation, said: str) -> None:
    ranking = [("ticket_status", 0.4), ("order_status", 0.3)]
    await en.mumble("QH48210937 hmm", ranking=ranking, order_number="QH48210937")
    if said.startswith("/"):
        await en.press(1)
    else:
        await en.say(said, "order_status", confidence=0.3)
    assert en.keys == ["order.answer"]
    assert en.state.clarify == 0


async def test_none_of_these_offers_a_person(en: Conversation) -> None:
    await en.mumble(ranking=[("check_bill", 0.4), ("pay_bill", 0.3)])
    await en.press(-1)
    assert en.keys == ["clarify.person"]
    before = en.state
    await en.press(0)
    assert en.reason == "low_confidence"
    en.state = before
    await en.say("no", "deny")
    assert en.keys == ["clarify.go_on"]


async def test_an_understood_message_ends_the_clarification(en: Conversation) -> None:
    await en.mumble(ranking=[("check_bill", 0.4)])
    await en.say("thanks", "thanks")
    assert en.keys == ["talk.welcome"]
    await en.mumble(ranking=[("check_bill", 0.4)])
    assert en.keys == ["clarify.candidates"]


async def test_out_of_scope_offers_what_can_be_done_and_then_a_person(en: Conversation) -> None:
    await en.mumble("write me a poem", oos=0.97)
    assert en.keys == ["clarify.out_of_scope"]
    await en.mumble("a sonnet then", oos=0.97)
    assert en.reason == "out_of_scope"


async def test_an_article_that_surely_fits_is_offered(zh: Conversation) -> None:
    await zh.mumble("自动缴费哪天扣款呢")
    assert zh.keys == ["answer.may_help"]
    assert zh.messages[0]["citations"]
    assert zh.state.clarify == 0


async def test_three_misunderstood_answers_lead_to_a_person(zh: Conversation) -> None:
    await zh.say("查流量", "check_data_usage")
    await zh.mumble()
    assert zh.keys == ["ask.phone_again"]
    await zh.mumble()
    assert zh.keys == ["ask.stuck", "ask.phone_again"]
    assert zh.messages[-1]["choices"][-1]["key"] == "choice.person"
    await zh.mumble()
    assert (zh.reason, zh.state.awaiting) == ("repeated_failure", False)
    assert len(zh.messages) == 1


@pytest.mark.parametrize(
    ("ask", "intent", "kind"),
    [
        ("查流量", "check_data_usage", "phone"), ("换套餐 19900000101", "change_plan", "plan"),
        ("加流量 19900000101", "buy_data", "amount"), ("订单到哪了", "order_status", "order"),
        ("是不是断网了", "check_outage", "place"), ("约师傅 19900000116", "book_technician", "time"),
        ("查账单 19900000101", "check_bill", "otp"),
    ],
)  # fmt: skip
async def test_not_knowing_is_helped_but_not_for_ever(zh: Conversation, ask: str, intent: str, kind: str) -> None:
    await zh.say(ask, intent)
    for _ in range(2):
        await zh.say("不知道", "unsure")
        assert zh.keys[0] == f"unsure.{kind}"
        assert zh.state.awaiting
    await zh.say("不知道", "unsure")
    assert zh.reason == "repeated_failure"


async def test_no_instead_of_a_number_cancels(en: Conversation) -> None:
    await en.say("my data", "check_data_usage")
    await en.say("no", "deny")
    assert en.keys == ["talk.cancelled"]


async def test_old_buttons_do_nothing(en: Conversation) -> None:
    await en.say("add 1GB to 19900000103", "buy_data", data_volume="1")
    await en.give_code()
    old = en.messages[0]["choices"][0]["value"]
    await en.say("no", "deny")
    await en.send_value(old)
    assert en.keys == ["talk.old_button"]
    assert (await en.http.get("/lines/L-103/usage")).json()["refuelled_gb"] == 0


# -------------------------------------------------------------------- people


@pytest.mark.parametrize(
    ("intent", "reason"),
    [
        ("talk_to_human", "customer_asked"), ("safety_hazard", "safety"),
        ("dispute_bill", "policy"), ("cancel_contract", "policy"),
    ],
)  # fmt: skip
async def test_some_intents_lead_to_a_person_at_once(en: Conversation, intent: str, reason: str) -> None:
    for start in (None, ("my data", "check_data_usage"), ("hm", "list_plans")):
        en.state = State()
        if start is not None:
            await en.say(*start)
        await en.say("now", intent)
        assert en.reason == reason
        assert en.outcome is not None
        assert en.outcome.paused


async def test_the_person_gets_what_is_known(en: Conversation) -> None:
    await en.say("add 2GB to 19900000103", "buy_data", data_volume="2")
    await en.say("a person please", "talk_to_human")
    escalate = en.messages[-1]["escalate"]
    assert escalate["suggestion"].startswith("Hello")
    context = escalate["context"]
    assert context["task"] == {"skill": "buy_data", "args": {"gb": 2.0}}
    assert (context["customer"], context["line"], context["verified"]) == ("C-1003", "L-103", False)


async def test_a_complaint_is_acknowledged_once(en: Conversation) -> None:
    await en.say("this is not good", "complain")
    assert en.keys == ["talk.sorry"]
    await en.say("carry on", "deny")
    assert en.keys == ["clarify.go_on"]
    await en.say("still not good", "complain")
    assert en.reason == "upset_customer"


@pytest.mark.parametrize("said", ["我要去工信部投诉你们", "you are scammers", "answer me!!!"])
async def test_a_serious_complaint_takes_a_person(en: Conversation, said: str) -> None:
    await en.say(said, "complain")
    assert en.reason == "upset_customer"


async def test_a_complaint_in_the_middle(zh: Conversation) -> None:
    await zh.say("查流量", "check_data_usage")
    await zh.say("真麻烦", "complain")
    assert zh.keys == ["talk.sorry", "ask.phone_again"]
    assert zh.state.expect is not None
    await zh.press(0, message=0)
    assert zh.reason == "upset_customer"


async def test_after_the_person_the_bot_goes_on_with_what_it_knows(zh: Conversation) -> None:
    await zh.say("查账单 19900000106", "check_bill")
    await zh.give_code()
    await zh.say("加流量", "buy_data")
    await zh.say("转人工", "talk_to_human")
    slots = after_handback({"dialogue": zh.state.to_json(), "awaiting": True, "diagnosis": {"open": 1}})
    assert (slots["awaiting"], slots["diagnosis"]) == (False, None)
    zh.state = State.from_json(slots["dialogue"])
    await zh.mumble()
    assert zh.keys[0].startswith("clarify.")
    await zh.say("查流量", "check_data_usage")
    assert zh.keys == ["usage.left"]


async def test_buttons_work_for_a_company_of_one_intent(en: Conversation) -> None:
    hours = en.ports.intents["store_hours"]
    ports = Ports(en.ports.accounts, en.ports.retrieval, with_controls({"store_hours": hours}))
    talk = Conversation(ports, en.clock, en.http, "en")
    await talk.mumble("hm hm hm", ranking=[("store_hours", 0.4)])
    await talk.press(-1)
    assert talk.keys == ["clarify.person"]
    before = talk.state
    await talk.press(1)
    assert talk.keys == ["clarify.go_on"]
    talk.state = before
    await talk.say("a person", "talk_to_human")
    assert talk.reason == "customer_asked"


# -------------------------------------------------------------------- when things are down


async def refuse(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused", request=request)


@pytest.fixture
async def down(company: object, ports: Ports) -> Ports:
    http = httpx.AsyncClient(transport=httpx.MockTransport(refuse))
    return Ports(AccountsClient(http, "http://nobody"), SearchClient(http, "http://nobody"), ports.intents)


async def test_without_the_account_back_end_a_person_comes(
    down: Ports, clock: Clock, back_end: httpx.AsyncClient
) -> None:
    talk = Conversation(down, clock, back_end, "en")
    await talk.say("my data", "check_data_usage")
    await talk.say("19900000101")
    assert (talk.keys, talk.reason) == (["escalate.system_failure"], "system_failure")


async def test_without_the_search_it_says_so_and_clarifies(
    down: Ports, clock: Clock, back_end: httpx.AsyncClient
) -> None:
    talk = Conversation(down, clock, back_end, "en")
    await talk.say("how do I get an invoice", "invoice")
    assert talk.keys == ["answer.unknown"]
    await talk.say("my internet is down", "fault_broadband")
    assert talk.keys == ["diagnosis.no_article"]
    await talk.mumble("hm hm hm", ranking=[("invoice", 0.4)])
    assert talk.keys == ["clarify.candidates"]


def test_the_search_answer_may_be_empty() -> None:
    assert Found.model_validate({}).passages == []


# -------------------------------------------------------------------- state


@pytest.mark.parametrize("value", [None, "", "{", [], {}, {"version": 99}, {"version": 1, "task": {"unknown": 1}}, 7])
def test_a_damaged_state_is_a_new_one(value: object) -> None:
    assert State.from_json(value) == State()


def test_a_state_may_come_as_text() -> None:
    state = State(task=Task("check_bill", {"phone": "1"}), customer="C")
    assert State.from_json(json.dumps(state.to_json())) == state


async def test_a_correction_to_something_else_is_asked_about(zh: Conversation) -> None:
    await zh.say("我想退订流量包", "buy_data")
    ranking = [("correct", 0.91), ("unsure", 0.05), ("disable_roaming", 0.02), ("enable_roaming", 0.002)]
    await zh.say("不是，我说的是漫游", "correct", ranking=ranking)
    assert zh.keys == ["clarify.candidates"]
    assert zh.state.task is None
    await zh.press(0)
    assert (zh.state.task.skill, zh.keys) == ("disable_roaming", ["ask.phone"])


async def test_a_correction_of_a_detail_stays_with_its_task(zh: Conversation) -> None:
    await zh.say("查流量", "check_data_usage", phone_number="19900000101")
    ranking = [("correct", 0.99), ("suspend_line", 0.001), ("voicemail_and_calls", 0.0009)]
    await zh.say("不对，查另一个号码", "correct", ranking=ranking)
    assert "clarify.candidates" not in zh.keys
    await zh.say("不是107，是106", "correct", ranking=[("correct", 0.98), ("fault_tv", 0.00001)])
    assert "clarify.candidates" not in zh.keys


@pytest.mark.parametrize(
    ("text", "intent"), [("试了，还是不行", "deny"), ("I did that already", "affirm"), ("it still fails", "deny")]
)
async def test_an_article_that_did_not_help_is_followed_by_a_person(zh: Conversation, text: str, intent: str) -> None:
    await zh.mumble("自动缴费哪天扣款呢")
    await zh.say(text, intent)
    assert zh.keys == ["answer.not_helped"]
    await zh.say("要", "affirm")
    assert zh.reason == "low_confidence"


@pytest.mark.parametrize(("text", "intent"), [("好的", "affirm"), ("不用了", "deny"), ("谢谢", "thanks")])
async def test_after_an_article_that_helped_nobody_is_offered(zh: Conversation, text: str, intent: str) -> None:
    await zh.mumble("自动缴费哪天扣款呢")
    await zh.say(text, intent)
    assert "answer.not_helped" not in zh.keys
