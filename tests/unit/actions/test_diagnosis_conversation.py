"""Diagnoses in conversation on the real fault trees and the demo back end: the customer says, the bot goes on."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import httpx
import pytest
from conversations import Clock, Conversation

from actions.diagnosis_graph import KEPT, Graphs
from actions.diagnosis_symptoms import guess
from actions.ports import Ports
from actions.state import State
from kg import nodelink
from kg.load import GraphError, load
from kg.model import Graph
from server.settings import ROOT
from server.texts import render_message


@pytest.fixture(scope="session")
def graphs() -> Graphs:
    return Graphs.load(ROOT / "kg" / "data")


@pytest.fixture
def zh(ports: Ports, graphs: Graphs, clock: Clock, back_end: httpx.AsyncClient) -> Conversation:
    return Conversation(replace(ports, graphs=graphs), clock, back_end, "zh")


@pytest.fixture
def en(ports: Ports, graphs: Graphs, clock: Clock, back_end: httpx.AsyncClient) -> Conversation:
    return Conversation(replace(ports, graphs=graphs), clock, back_end, "en")


def step(talk: Conversation) -> dict[str, Any]:
    """The step of the reply; only its last message has one."""
    assert all("step" not in message for message in talk.messages[:-1])
    return dict(talk.messages[-1].get("step") or {})


def said(talk: Conversation) -> str:
    return "\n".join(talk.texts(talk.locale))


SUSPENDED, CONTRACT_ENDED, USED_UP, FINE = "19900000102", "19900000104", "19900000103", "19900000101"


# -------------------------------------------------------------------- beginning


async def test_the_line_is_looked_up_silently_and_then_a_check_is_asked(zh: Conversation) -> None:
    await zh.say("手机没信号", "fault_no_service")
    assert zh.keys[-1] == "ask.phone"
    await zh.say(FINE, phone_number=FINE)
    assert step(zh) == {"kind": "check", "id": "check_sim_status"}
    labels = [choice.get("label", {}).get("zh") for choice in zh.messages[-1]["choices"]]
    assert "没有 SIM 卡" in labels
    checks = {entry["node"] for entry in zh.diagnosis["log"]}
    assert {"get_line"} <= checks


async def test_a_number_that_comes_with_the_complaint_is_not_asked_for(en: Conversation) -> None:
    await en.say(f"no signal on {FINE}", "fault_no_service", phone_number=FINE)
    assert step(en)["kind"] == "check"


async def test_several_symptoms_lead_to_one_question(en: Conversation) -> None:
    await en.send_value("/fault_tv")
    assert en.keys == ["diagnosis.which"]
    assert len(en.messages[0]["choices"]) == 4
    await en.press(1)
    assert step(en)["kind"] in {"check", "fix"}
    assert en.diagnosis["engine"]["symptom"] == "tv_stutters"


async def test_the_question_which_it_is_takes_words(zh: Conversation) -> None:
    await zh.send_value("/fault_tv")
    await zh.say("遥控器没反应", "fault_tv")
    assert zh.diagnosis["engine"]["symptom"] == "tv_remote_fails"


async def test_the_words_choose_among_an_intents_symptoms(zh: Conversation) -> None:
    await zh.say("最近手机耗电快", "fault_battery")
    assert zh.diagnosis["engine"]["symptom"] == "battery_drains"
    assert step(zh) == {"kind": "check", "id": "check_battery_health"}


async def test_facts_told_at_the_beginning_are_not_asked_again(en: Conversation) -> None:
    text = "mobile data isn't working, airplane mode is off and I already tried restarting"
    await en.say(text, "fault_mobile_data")
    assert en.diagnosis["engine"]["evidence"]["check_status_bar.airplane"] == "off"
    assert en.diagnosis["engine"]["tried"] == {"reboot_device": 1}


async def test_a_dangerous_symptom_is_handed_over_at_once(zh: Conversation) -> None:
    await zh.say("手机电池鼓包了", "fault_battery")
    assert zh.reason == "safety"
    await zh.say("手机发烫", "fault_battery")
    assert step(zh) == {"kind": "check", "id": "check_battery_shape"}
    await zh.say("后盖鼓起来了")
    assert zh.reason == "safety"


# -------------------------------------------------------------------- answers


async def begin(talk: Conversation, number: str = FINE) -> None:
    """No signal, and the line is known."""
    await talk.say("手机没信号" if talk.locale == "zh" else "no signal", "fault_no_service")
    await talk.say(number, phone_number=number)


async def test_a_fix_and_its_retest_are_one_message(zh: Conversation) -> None:
    await begin(zh)
    await zh.say("提示没有 SIM 卡", "fault_no_service")
    assert step(zh) == {"kind": "fix", "id": "reseat_sim_card", "retest": True}
    assert "？" in said(zh)
    await zh.say("好了，有信号了", "affirm")
    assert zh.keys == ["diagnosis.solved_end"]
    assert zh.diagnosis is None
    assert not zh.state.awaiting


async def test_a_fix_that_did_not_help_leads_on(en: Conversation) -> None:
    await begin(en)
    await en.say("it says no SIM", "fault_no_service")
    await en.say("no, still no signal", "deny")
    assert step(en)["id"] != "reseat_sim_card"
    assert en.reason is None


async def test_buttons_do_the_same(en: Conversation) -> None:
    await begin(en)
    await en.press(1)
    assert step(en)["id"] == "reseat_sim_card"
    await en.press(0)
    assert en.keys == ["diagnosis.solved_end"]


async def solved_by_the_sim(talk: Conversation) -> None:
    await begin(talk)
    await talk.say("显示无SIM卡" if talk.locale == "zh" else "it says no SIM", "fault_no_service")
    await talk.say("好了，有信号了" if talk.locale == "zh" else "yes, the signal is back", "affirm")
    assert talk.keys == ["diagnosis.solved_end"]


@pytest.mark.parametrize(
    ("text", "intent", "confidence"),
    [
        ("等等，又没信号了", "fault_no_service", 0.9),
        ("高兴太早了，还是没信号", "deny", 0.9),
        ("又不行了", "oos", 0.2),
    ],
)
async def test_a_trouble_that_comes_back_is_taken_up_where_it_ended(
    zh: Conversation, text: str, intent: str, confidence: float
) -> None:
    await solved_by_the_sim(zh)
    await zh.say("谢谢", "thanks")
    await zh.say(text, intent, confidence=confidence)
    assert "接着刚才的进度" in said(zh)
    # What is known stays known, and what did not help is not the next thing to try.
    assert zh.diagnosis["engine"]["tried"]["reseat_sim_card"]
    assert step(zh)["id"] != "reseat_sim_card"
    assert {"kind": "fix", "node": "reseat_sim_card", "outcome": "still", "outcomes": {}} in zh.diagnosis["log"]


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("it's still working, thanks", "thanks"),
        ("no", "deny"),
        ("how much data do I have left", "check_data_usage"),
        ("my picture messages fail again", "fault_mms"),
    ],
)
async def test_what_is_about_something_else_reopens_nothing(en: Conversation, text: str, intent: str) -> None:
    await solved_by_the_sim(en)
    await en.say(text, intent)
    assert "where we were" not in said(en)


async def test_after_a_new_start_nothing_comes_back(en: Conversation) -> None:
    await solved_by_the_sim(en)
    await en.say("start over", "start_over")
    await en.say("it's still not working", "deny")
    assert "where we were" not in said(en)
    assert en.diagnosis is None


async def test_not_sure_leads_to_other_words_or_another_check(zh: Conversation) -> None:
    await begin(zh)
    seen = {said(zh)}
    for text in ("不确定", "找不到在哪里看", "我不知道"):
        await zh.say(text, "unsure")
        assert said(zh) not in seen
        seen.add(said(zh))
        assert zh.reason is None


async def test_a_person_can_be_told_at_any_moment_how_far_it_came(zh: Conversation) -> None:
    await begin(zh)
    report = zh.diagnosis["report"]
    assert {"get_line"} <= {one["id"] for one in report["checks"]}
    shares = [one["probability"] for one in report["hypotheses"]]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > 0
    assert (step(zh)["id"], report["next"]) == ("check_sim_status", "查看 SIM 卡状态")


async def test_a_locked_sim_is_for_a_person(zh: Conversation) -> None:
    await begin(zh)
    await zh.say("让我输 PUK 码", "inform")
    assert zh.reason == "policy"
    report = zh.messages[-1]["escalate"]["context"]["diagnosis"]
    assert report["hypotheses"][0]["id"] == "sim_locked"
    assert report["hypotheses"][0]["probability"] > 0.9
    assert {
        "id": "check_sim_status",
        "check": "查看 SIM 卡状态",
        "outcome": {"查看 SIM 卡状态": "要求 PIN 或 PUK"},
    } in report["checks"]
    assert report["team"] == "SIM 卡安全组"
    assert zh.diagnosis is None


async def test_a_contract_that_ended_is_for_a_person(en: Conversation) -> None:
    await begin(en, CONTRACT_ENDED)
    assert en.reason == "policy"
    assert all("step" not in message for message in en.messages)


async def test_an_answer_to_another_question_is_used_and_the_open_one_comes_back(en: Conversation) -> None:
    await begin(en)
    before = said(en)
    await en.say("mobile data is switched on", "inform")
    assert en.diagnosis["engine"]["evidence"]["check_status_bar.data"] == "on"
    assert step(en)["id"] == "check_sim_status"
    assert said(en) != before


async def test_an_old_button_still_tells_its_fact(zh: Conversation) -> None:
    await begin(zh)
    old = zh.messages[-1]["choices"][2]["value"]
    await zh.say("不确定", "unsure")
    await zh.send_value(old)
    assert zh.diagnosis["engine"]["evidence"]["check_sim_status"] == "active"


# -------------------------------------------------------------------- asides


async def test_a_term_is_explained_and_the_question_comes_back(zh: Conversation) -> None:
    await begin(zh)
    await zh.mumble("什么是 APN？")
    assert "接入点（APN）" in said(zh)
    assert step(zh) == {"kind": "check", "id": "check_sim_status"}


@pytest.mark.parametrize("text", ["why?", "why do you need that", "what does this tell you"])
async def test_why_a_step_is_taken(en: Conversation, text: str) -> None:
    await begin(en)
    await en.mumble(text)
    assert "SIM card is not seated" in said(en)
    assert step(en) == {"kind": "check", "id": "check_sim_status"}


async def test_forget_it(zh: Conversation) -> None:
    await begin(zh)
    await zh.say("算了，不弄了", "cancel")
    assert zh.keys == ["diagnosis.stopped"]
    assert zh.diagnosis is None
    assert not zh.state.awaiting


async def test_another_problem_is_noted_and_comes_next(en: Conversation) -> None:
    await begin(en)
    await en.say("and my picture messages fail too", "fault_mms")
    assert en.diagnosis["also"] == ["mms_fails"]
    assert step(en) == {"kind": "check", "id": "check_sim_status"}
    await en.say("it says no SIM", "inform")
    await en.say("it works now", "affirm")
    assert en.diagnosis["engine"]["symptom"] == "mms_fails"
    assert step(en)["kind"] in {"check", "fix"}


async def test_account_work_in_between_is_done_and_the_diagnosis_offered_again(zh: Conversation) -> None:
    await begin(zh)
    await zh.say("还剩多少流量？", "check_data_usage")
    assert zh.keys == ["usage.left", "resume.offer"]
    await zh.press(0)
    assert step(zh) == {"kind": "check", "id": "check_sim_status"}


async def test_help_in_between_is_given_and_the_question_comes_back(zh: Conversation) -> None:
    await begin(zh)
    await zh.say("自动缴费哪天扣款呢", "payment_methods")
    assert zh.keys[0] == "answer.found"
    assert step(zh) == {"kind": "check", "id": "check_sim_status"}


async def test_a_person_can_be_asked_for_and_gets_the_diagnosis(en: Conversation) -> None:
    await begin(en)
    await en.say("let me talk to a person", "talk_to_human")
    assert en.reason == "customer_asked"
    report = en.messages[-1]["escalate"]["context"]["diagnosis"]
    assert report["symptom"] == "No mobile service"
    assert report["next"] == "Look at the SIM card"


async def test_who_is_not_understood_three_times_in_a_row_gets_a_person(zh: Conversation) -> None:
    await begin(zh)
    for person_offered in (False, True):
        await zh.mumble()
        buttons = [choice["value"] for choice in zh.messages[-1]["choices"]]
        assert any("talk_to_human" in value for value in buttons) is person_offered
    await zh.say("不知道", "unsure")  # an answer
    for _ in range(3):
        assert zh.reason is None
        await zh.mumble()
    assert zh.reason == "low_confidence"
    assert zh.diagnosis is None
    assert "symptom" in zh.messages[-1]["escalate"]["context"]["diagnosis"]


# -------------------------------------------------------------------- the account


async def test_without_a_number_the_phone_is_looked_at(en: Conversation) -> None:
    await en.say("no signal", "fault_no_service")
    await en.mumble("I don't want to give my number")
    assert step(en)["kind"] == "check"
    assert en.diagnosis["blind"]


async def test_why_the_number_is_needed(zh: Conversation) -> None:
    await zh.say("手机没信号", "fault_no_service")
    await zh.mumble("为什么要号码")
    assert zh.keys == ["diagnosis.message", "ask.phone_again"]


async def test_an_unpaid_bill_is_paid_and_the_line_restored(zh: Conversation) -> None:
    await begin(zh, SUSPENDED)
    assert step(zh) == {"kind": "check", "id": "check_sim_status"}
    assert "只有同事才能解决" in said(zh)
    assert "欠费" not in said(zh)
    await zh.say("SIM 卡正常", "inform")
    assert zh.keys[-1] == "ask.otp"
    assert "¥" not in said(zh)
    await zh.give_code()
    assert step(zh) == {"kind": "confirm", "id": "send_payment_request"}
    await zh.say("好的", "affirm")
    assert step(zh) == {"kind": "confirm", "id": "resume_line"}
    assert (await zh.line("L-102"))["status"] == "suspended"
    await zh.say("好的", "affirm")
    assert step(zh) == {"kind": "fix", "id": "send_payment_request"}
    inbox = (await zh.http.get("/demo/inbox", params={"customer": zh.state.customer})).json()
    request = next(one for one in inbox if one["kind"] == "payment_request")
    await zh.say("还没收到呢", "deny")
    assert step(zh) == {"kind": "fix", "id": "send_payment_request"}
    await zh.http.post(request["accept"])
    await zh.say("付好了", "affirm")
    assert (await zh.line("L-102"))["status"] == "active"
    assert step(zh) == {"kind": "fix", "id": "reboot_device", "retest": True}
    await zh.say("有信号了", "affirm")
    assert zh.keys == ["diagnosis.solved_end"]


async def test_used_up_data_is_added_only_with_code_and_yes(en: Conversation) -> None:
    await en.say(
        f"mobile data isn't working on {USED_UP}, the SIM is active", "fault_mobile_data", phone_number=USED_UP
    )
    assert en.keys[-1] == "ask.amount"
    await en.say("1GB", data_volume="1")
    await en.give_code()
    assert step(en) == {"kind": "confirm", "id": "refuel_data"}
    usage = (await en.http.get("/lines/L-103/usage")).json()
    assert usage["refuelled_gb"] == 0
    await en.say("yes please", "affirm")
    assert step(en) == {"kind": "fix", "id": "refuel_data", "retest": True}
    usage = (await en.http.get("/lines/L-103/usage")).json()
    assert usage["refuelled_gb"] == 1


async def test_a_declined_repair_leads_to_another_way(en: Conversation) -> None:
    await en.say(
        f"mobile data isn't working on {USED_UP}, the SIM is active", "fault_mobile_data", phone_number=USED_UP
    )
    await en.say("no", "deny")
    assert en.reason is None
    assert en.keys[-1] == "ask.plan"


# -------------------------------------------------------------------- versions of the graph


def nodes_of(graph: Graph) -> list[dict[str, Any]]:
    """A graph as the gateway sends it."""
    return [nodelink.of_node(graph, name) for name in graph.nodes]


async def test_a_diagnosis_keeps_the_version_it_began_with(zh: Conversation) -> None:
    own = Graphs.load(ROOT / "kg" / "data")
    zh.ports = replace(zh.ports, graphs=own)
    await begin(zh)
    version = zh.diagnosis["engine"]["graph"]
    other = load([ROOT / "kg" / "data" / "telecom.yaml"])
    assert own.missing({"graph": other.version}, zh.diagnosis) == [other.version]
    await own.take({other.version: nodes_of(other)})
    zh.ports = replace(zh.ports, graphs=own.serving(other.version))
    await zh.say("没有 SIM 卡", "inform")
    assert zh.diagnosis["engine"]["graph"] == version
    assert step(zh)["id"] == "reseat_sim_card"
    zh.diagnosis = None
    zh.state = State()
    await begin(zh)
    assert zh.diagnosis["engine"]["graph"] == other.version
    await own.close()


async def test_a_version_that_cannot_be_used_leaves_the_running_one_in_service(zh: Conversation) -> None:
    own = Graphs.load(ROOT / "kg" / "data")
    zh.ports = replace(zh.ports, graphs=own)
    version = own.current.digest
    graph = load([ROOT / "kg" / "data" / "telecom.yaml"])
    broken = nodes_of(graph)[:20]
    with pytest.raises(GraphError, match="does not exist"):
        await own.add(graph.version, broken)
    with pytest.raises(GraphError, match="not 0123456789abcdef"):
        await own.add("0123456789abcdef", nodes_of(graph))
    await own.take({graph.version: broken})
    turn = {"graph": graph.version, "graphs": {graph.version: broken}}
    assert own.missing(turn, None) == []
    assert own.serving(graph.version) is own
    await begin(zh)
    assert zh.diagnosis["engine"]["graph"] == version


async def test_versions_that_nobody_used_for_long_go_and_come_back() -> None:
    small = load([ROOT / "kg" / "data" / "tv.yaml"])
    own = Graphs.load(None)
    made = []
    for number in range(KEPT + 2):
        fault = replace(small.faults["hdmi_loose"], prior=0.01 * (number + 1))
        made.append(replace(small, faults={**small.faults, "hdmi_loose": fault}))
        await asyncio.gather(*(own.add(made[-1].version, nodes_of(made[-1])) for _ in range(3)))
        own.missing({"graph": made[min(number, 1)].version}, None)
    first, second = made[0].version, made[1].version
    assert own.missing({"graph": first}, {"engine": {"graph": second}, "below": {"engine": {"graph": "gone"}}}) == [
        first, "gone"
    ]  # fmt: skip
    await own.add(first, nodes_of(made[0]))
    assert own.serving(first).current.digest == first
    await own.close()


async def test_a_version_that_is_gone_begins_anew(zh: Conversation) -> None:
    await begin(zh)
    zh.diagnosis["engine"]["graph"] = "0123456789abcdef"
    await zh.say("没有 SIM 卡", "inform")
    assert zh.diagnosis["engine"]["graph"] != "0123456789abcdef"
    assert step(zh)["kind"] == "check"


async def test_all_texts_of_the_graph_can_be_shown(graphs: Graphs) -> None:
    for check in graphs.current.knowledge.graph.checks.values():
        for text in check.ask:
            message = {"key": "diagnosis.part", "params": {"text": text.as_json()}}
            assert all(render_message(message, language)[0].strip() for language in ("zh", "en"))


async def test_a_complaint_after_a_fix_says_that_it_did_not_help(en: Conversation) -> None:
    await begin(en)
    await en.say("it says no SIM", "inform")
    await en.say("oh come on, this is hopeless", "complain")
    assert "I'm sorry" in said(en)
    assert step(en)["kind"] in {"check", "fix"}
    assert en.diagnosis["log"][-1]["outcome"] == "still"
    await en.say("this is outrageous, I will call my lawyer", "complain")
    assert en.reason == "upset_customer"


async def test_what_sounds_a_little_like_another_fault_is_an_answer_not_understood(zh: Conversation) -> None:
    await zh.say(f"手机上不了网 {FINE}", "fault_mobile_data", phone_number=FINE)
    before = zh.diagnosis["engine"]["symptom"]
    await zh.say("它这会儿有点怪", "fault_no_service", confidence=0.55, ranking=[("fault_no_service", 0.7)])
    assert zh.diagnosis["engine"]["symptom"] == before
    assert zh.diagnosis["below"] is None
    assert step(zh)["kind"] == "check"


async def test_a_part_of_the_problem_is_no_other_problem(en: Conversation) -> None:
    await en.say(f"picture messages fail, my number is {FINE}", "fault_mms", phone_number=FINE)
    await en.say("there is no service at all", "fault_no_service")
    assert en.diagnosis["also"] == []
    assert en.diagnosis["engine"]["symptom"] == "mms_fails"


async def test_signal_that_is_back_on_an_old_network_is_good_news(en: Conversation) -> None:
    await begin(en)
    await en.say("it says no SIM", "inform")
    await en.say("hard to say", "unsure")
    assert step(en) == {"kind": "check", "id": "check_status_bar", "retest": True}
    await en.say("three bars now and it says 2G", "inform")
    assert en.keys == ["diagnosis.solved_end"]


async def test_who_somebody_is_is_asked_only_when_it_is_worth_a_question(zh: Conversation) -> None:
    await zh.say("家里宽带上不去网", "fault_broadband")
    assert step(zh)["kind"] == "check"
    await zh.say("光猫灯都正常，电脑上提示错误691", "inform")
    assert zh.diagnosis["engine"]["evidence"]["check_dial_error"] == "691"
    seen = {said(zh)}
    while zh.keys[-1] != "ask.phone":
        # The same once more is no answer: the question is put in other words, then something else is tried.
        await zh.say("还是691")
        assert said(zh) not in seen
        seen.add(said(zh))
        assert zh.reason is None


@pytest.mark.parametrize("text", ["没有错误691", "there is no error 691", "I pay 691 a month"])
async def test_a_number_that_is_no_error_is_none(en: Conversation, text: str) -> None:
    await en.say("no internet at home", "fault_broadband")
    await en.say(text)
    assert "check_dial_error" not in en.diagnosis["engine"]["evidence"]


async def test_where_somebody_lives_is_asked_only_when_it_is_worth_a_question(en: Conversation) -> None:
    await en.say(f"no internet at home, my number is {FINE}", "fault_broadband", phone_number=FINE)
    assert en.keys[-1] != "diagnosis.ask_place"
    assert step(en)["kind"] == "check"


@pytest.mark.parametrize("text", ["my phone lost service", "I've lost all my bars", "phone dropped its signal"])
async def test_who_lost_the_service_does_not_want_the_line_suspended(en: Conversation, text: str) -> None:
    await en.say(text, "suspend_line", ranking=[("suspend_line", 0.95), ("fault_no_service", 0.03)])
    assert en.diagnosis["engine"]["symptom"] == "no_service"


@pytest.mark.parametrize("text", ["我手机丢了", "手机被偷了，先停机"])
async def test_who_lost_the_phone_does(zh: Conversation, text: str) -> None:
    await zh.say(text, "suspend_line", ranking=[("suspend_line", 0.95), ("fault_no_service", 0.03)])
    assert zh.diagnosis is None
    assert zh.keys == ["ask.phone"]


async def to_a_fix_with_its_question(talk: Conversation) -> None:
    await begin(talk)
    await talk.say("没有 SIM 卡" if talk.locale == "zh" else "no SIM", "inform")
    assert step(talk) == {"kind": "fix", "id": "reseat_sim_card", "retest": True}


async def test_a_fact_about_something_else_does_not_say_that_a_fix_helped(en: Conversation) -> None:
    await to_a_fix_with_its_question(en)
    await en.say("I think the APN is fine but the MMSC is empty", "inform")
    assert en.diagnosis is not None
    assert en.diagnosis["engine"]["status"] == "open"
    assert step(en)["id"] == "reseat_sim_card"


async def test_done_is_not_solved(zh: Conversation) -> None:
    await to_a_fix_with_its_question(zh)
    await zh.say("做好了", "affirm")
    assert step(zh) == {"kind": "check", "id": "check_status_bar", "retest": True}
    await zh.say("好了", "affirm")
    assert zh.keys == ["diagnosis.solved_end"]


async def test_trouble_with_something_else_is_no_answer_to_a_fix(zh: Conversation) -> None:
    await to_a_fix_with_its_question(zh)
    await zh.say("家里电视也没信号了", "fault_tv")
    assert zh.diagnosis["also"] == ["tv_no_picture"]
    assert step(zh)["id"] == "reseat_sim_card"


@pytest.mark.parametrize(
    ("named", "then"),
    [("LOS灯", "是红的"), ("LOS", "红"), ("光信号灯", "在闪"), ("那个LOS灯怎么了", "红色的"), ("是的", "红色")],
)
async def test_who_names_one_of_several_things_is_asked_about_it_alone(zh: Conversation, named: str, then: str) -> None:
    await zh.say("家里没网了", "fault_broadband")
    while step(zh).get("id") != "check_modem_lights":
        await zh.say("不知道", "unsure")
    await zh.say(named, "inform")
    assert "光信号灯（LOS）现在是哪一种情况？" in said(zh)
    assert step(zh)["id"] == "check_modem_lights"
    labels = [choice.get("label", {}).get("zh") for choice in zh.messages[-1]["choices"]]
    assert labels[:-1] == ["红色或闪烁", "偶尔闪红", "不红"]
    await zh.say(then, "inform")
    assert zh.diagnosis["engine"]["evidence"]["check_modem_lights.los"] == "red"


async def test_a_number_told_at_a_step_is_not_asked_for_later(zh: Conversation) -> None:
    await zh.say("错误691", "fault_broadband")
    await zh.say(FINE, "inform", phone_number=FINE)
    assert any(entry["node"].startswith("get_") for entry in zh.diagnosis["log"])
    for _ in range(12):
        if zh.reason is not None:
            break
        assert "ask.phone" not in zh.keys
        await zh.say("不知道", "unsure")


@pytest.mark.parametrize("did", ["擦过了", "重启过了", "cleaned it", "I changed the cable"])
async def test_what_was_done_is_not_taken_for_success(en: Conversation, did: str) -> None:
    await en.say("my phone does not charge", "fault_device")
    while not step(en).get("retest"):
        await en.say("not sure", "unsure")
    for intent in ("affirm", None):
        await (en.say(did, intent) if intent else en.mumble(did))
        assert "diagnosis.solved_end" not in en.keys


@pytest.mark.parametrize("text", ["算了 人工", "forget it, give me a person"])
async def test_who_gives_up_for_a_person_gets_one(zh: Conversation, text: str) -> None:
    await begin(zh)
    await zh.mumble(text)
    assert zh.reason == "customer_asked"


async def test_a_guess_leans_to_what_the_parse_holds_likely(graphs: Graphs) -> None:
    said, version = "the phone is slow", graphs.current
    alone = await guess(version, graphs.nearness, said, 0.9, {})
    leaning = await guess(version, graphs.nearness, said, 0.9, {alone.symptoms[1]: 0.9})
    assert leaning.symptoms[:2] == alone.symptoms[1::-1]
