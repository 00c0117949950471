# ruff: noqa: E501 - tables of sentences read better in whole lines
"""What answers in free words tell: the pure reading of checks and fixes, Chinese and English."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from actions.diagnosis_lexicon import Lexicon
from actions.diagnosis_reading import by_meaning, helped_by_meaning, read_check, read_facts, read_fix
from actions.diagnosis_words import RESULTS
from kg.load import load
from kg.model import Who
from server.settings import ROOT

GRAPH = load([ROOT / "kg" / "data"])
LEXICON = Lexicon(GRAPH)
PHONE_FACETS = [facet for facet in GRAPH.facets if facet.startswith(("check_", "run_", "can_", "ask_"))]


def check(name: str, text: str) -> dict[str, str]:
    """Outcomes read, facets without their check."""
    return {facet.rpartition(".")[2]: outcome for facet, outcome in read_check(LEXICON, name, text).outcomes.items()}


@pytest.mark.parametrize(
    ("name", "text", "outcome"),
    [
        ("check_sim_status", "it says no SIM", "missing"),
        ("check_sim_status", "上面写着无 SIM 卡", "missing"),
        ("check_sim_status", "要我输 PUK 码", "locked"),
        ("check_sim_status", "SIM Card Status: active", "active"),
        ("check_sim_status", "看起来都正常", "active"),
        ("check_vpn_status", "VPN 没连", "off"),
        ("check_vpn_status", "VPN is ON and connected (Performance: Poor)", "connected"),
        ("check_vpn_status", "no, it isn't connected", "off"),
        ("check_vpn_status", "yes but only at night", "connected"),
        ("check_wifi_calling_status", "開著", "on"),
        ("check_wifi_calling_status", "不是关着的", "on"),
        ("check_wifi_calling_status", "没开", "off"),
        ("check_data_restriction_status", "Data Saver mode is OFF.", "off"),
        ("check_data_restriction_status", "是的，开着", "on"),
        ("check_battery_health", "74%", "low"),
        ("check_battery_health", "还有 91", "good"),
        ("check_battery_health", "no", "good"),
        ("check_device_count", "大概二十五台，25 台", "many"),
        ("check_near_router", "yes, much faster", "better"),
        ("check_near_router", "没区别", "same"),
        ("check_router_heat", "有点烫手，很烫", "hot"),
        ("check_router_heat", "not hot", "normal"),
        ("check_number_ending", "是的", "current"),
        ("check_number_ending", "no", "old"),
        ("ask_abroad", "I'm in Japan right now", "yes"),
        ("ask_abroad", "没出国", "no"),
        ("can_send_mms", "发不出去", "no"),
        ("run_speed_test", "Speed test failed: no connection", "none"),
        ("run_speed_test", "it's excellent", "excellent"),
    ],
)
def test_a_check_with_one_answer(name: str, text: str, outcome: str) -> None:
    assert list(check(name, text).values()) == [outcome]


@pytest.mark.parametrize(
    ("name", "text", "outcomes"),
    [
        (
            "check_status_bar",
            "✈️ Airplane Mode | 📵 No Signal | 📱 Data Enabled | 🔋 80%",
            {"airplane": "on", "signal": "none", "data": "on", "saver": "off", "vpn": "off"},
        ),
        (
            "check_status_bar",
            "没有飞机图标，信号满格，5G，移动数据关着",
            {"airplane": "off", "signal": "bars", "network": "modern", "data": "off"},
        ),
        ("check_status_bar", "airplane mode is off and mobile data is on", {"airplane": "off", "data": "on"}),
        (
            "check_network_status",
            "Airplane Mode: OFF\nCellular Network Type: 3G\nMobile Data Enabled: No\nData Roaming Enabled: Yes",
            {"airplane": "off", "network": "3g", "data": "off", "roaming": "on"},
        ),
        ("check_app_permissions", "storage and sms are both allowed", {"storage": "granted", "sms": "granted"}),
        ("check_app_permissions", "短信允许，存储没有", {"sms": "granted", "storage": "denied"}),
        ("check_app_permissions", "both denied", {"storage": "denied", "sms": "denied"}),
        ("check_apn_settings", "APN 没问题，MMSC 是空的", {"apn": "correct", "mmsc": "missing"}),
        ("check_apn_settings", "MMSC URL: Not Set", {"mmsc": "missing"}),
        ("check_router_lights", "电源亮着，网络灯是红的", {"power": "on", "wan": "red"}),
        ("check_charging_port", "一切正常", {"dust": "no", "water": "no", "pins": "fine"}),
        ("check_modem_lights", "是红的", {"los": "red"}),
        ("check_modem_lights", "red", {"los": "red"}),
        ("check_modem_lights", "LOS is blinking", {"los": "red"}),
        ("check_modem_lights", "not red", {"los": "off"}),
        ("check_modem_lights", "一会儿红一会儿灭", {"los": "weak"}),
        ("check_modem_lights", "绿的", {"power": "on", "los": "off"}),
        ("check_modem_lights", "亮的，不红", {"power": "on", "los": "off"}),
        ("check_modem_lights", "on and red", {"power": "on", "los": "red"}),
        ("check_modem_lights", "灯都灭了", {"power": "off"}),
        ("check_router_lights", "it's orange", {"wan": "red"}),
        ("check_battery_usage", "屏幕", {"screen": "high"}),
        ("check_modem_lights", "yes", {}),
        ("check_modem_lights", "LOS", {}),
    ],
)
def test_several_facts_at_once(name: str, text: str, outcomes: dict[str, str]) -> None:
    assert check(name, text) == outcomes


def test_every_wording_of_the_graph_is_read_as_what_it_says() -> None:
    """Alone, a wording tells its own outcome or, where it needs the thing it is about, none; never another one."""
    understood = total = 0
    wrong = []
    for name, facet in GRAPH.facets.items():
        if GRAPH.checks[facet.check].who is not Who.CUSTOMER:
            continue
        for key, outcome in facet.outcomes.items():
            for text in (*outcome.says.zh, *outcome.says.en):
                read = read_check(LEXICON, facet.check, text).outcomes
                total += 1
                understood += read.get(name) == key
                if name in read and read[name] != key:
                    wrong.append((name, key, text, read[name]))
    assert wrong == []
    assert understood / total > 0.97


@pytest.mark.parametrize(
    "text",
    [
        "not sure",
        "I don't know",
        "没找到在哪里",
        "说不准",
        "看不懂这个",
        "no idea",
        "I can't tell",
        "hard to say",
        "不太确定诶",
    ],
)
@pytest.mark.parametrize("name", ["check_status_bar", "check_sim_status", "check_vpn_status", "check_apn_settings"])
def test_not_sure_is_an_answer(name: str, text: str) -> None:
    read = read_check(LEXICON, name, text)
    assert (read.result, read.outcomes) == ("unsure", {})


@pytest.mark.parametrize("text", ["我没有卡针，做不了", "I can't do that", "I don't have a computer", "跳过这个吧"])
def test_cannot_look(text: str) -> None:
    assert read_check(LEXICON, "check_wired_speed", text).result == "refused"


@pytest.mark.parametrize(
    ("text", "aside"),
    [
        ("什么是 APN？", "explain"), ("what is an APN?", "explain"), ("where do I find that?", "explain"),
        ("为什么要看这个", "why"), ("why do you need that?", "why"), ("算了", "forget"), ("forget it", "forget"),
    ],
)  # fmt: skip
def test_asides(text: str, aside: str) -> None:
    read = read_check(LEXICON, "check_status_bar", text)
    assert (read.aside, read.outcomes) == (aside, {})


def test_facts_told_unasked_and_fixes_tried_before() -> None:
    read = read_facts(LEXICON, "飞行模式是关的，我已经重启过手机了，流量用不了", PHONE_FACETS)
    assert read.facts == {"check_status_bar.airplane": "off"}
    assert "reboot_device" in read.tried
    read = read_facts(LEXICON, "mobile data isn't working, VPN is off, I already tried restarting", PHONE_FACETS)
    assert read.facts == {"check_status_bar.vpn": "off"}
    assert "reboot_device" in read.tried


def test_an_answer_to_another_question() -> None:
    read = read_check(LEXICON, "check_sim_status", "移动数据是开着的", PHONE_FACETS)
    assert read.outcomes == {}
    assert read.facts == {"check_status_bar.data": "on"}


WORKS = {"zh": "信号恢复了吗？", "en": "Is the signal back?"}


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("好了", "solved"), ("可以了，谢谢", "solved"), ("没问题了", "solved"), ("不卡了", "solved"), ("有信号了", "solved"),
        ("it works now", "solved"), ("great, that fixed it", "solved"), ("yes", "solved"), ("it's back, no more problems", "solved"),
        ("还是不行", "still"), ("没好", "still"), ("没有变化", "still"), ("做了，但还是没信号", "still"), ("不行", "still"),
        ("没用啊", "still"), ("no", "still"), ("still nothing", "still"), ("it doesn't work", "still"), ("not working", "still"),
        ("same as before", "still"), ("yes but still no service", "still"), ("works, but only at night", "still"),
        ("I did it but no change", "still"), ("不确定有没有用", "unsure"), ("I can't tell", "unsure"),
        ("我做不了这个", "refused"), ("I can't do that", "refused"), ("做完了，重启了", "done"), ("ok done", "done"),
        ("重启过了", "done"), ("换了根线", "done"), ("I've tried that", "done"), ("cleaned it", "done"),
        ("好一点", "still"), ("a bit better", "still"), ("nothing's changed", "still"),
        ("恢复了", "solved"), ("没恢复", "still"),
    ],
)  # fmt: skip
def test_whether_a_fix_helped(text: str, result: str) -> None:
    language = "en" if text.isascii() else "zh"
    read = read_fix(
        LEXICON,
        text,
        question=WORKS[language],
        retest="check_status_bar",
        complaint={"check_status_bar.signal": {"none"}},
    )
    assert read.result == result


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("有画面了", "solved"),
        ("电视有画面了", "solved"),
        ("没画面", "still"),
        ("没有画面", "still"),
        ("电视", ""),
        ("现在", ""),
    ],
)
def test_the_question_said_back_is_an_answer(text: str, result: str) -> None:
    assert read_fix(LEXICON, text, question="电视现在有画面了吗？", retest="", complaint={}).result == result


@pytest.mark.parametrize(
    ("text", "result"),
    [("yes", "still"), ("还会", "still"), ("no", "solved"), ("不会了", "solved"), ("不断了", "solved")],
)
def test_a_question_the_other_way_round(text: str, result: str) -> None:
    question = "Does it still drop?" if text.isascii() else "还会断线吗？"
    assert read_fix(LEXICON, text, question=question, retest="", complaint={}).result == result


@pytest.mark.parametrize(
    ("text", "result"), [("做好了", "done"), ("ok, done", "done"), ("好的", "done"), ("I can't do that", "refused")]
)
def test_a_fix_that_is_not_tested_yet(text: str, result: str) -> None:
    assert read_fix(LEXICON, text, question="", retest="", complaint={}).result == result


def nearest_to(wanted: str) -> object:
    """A stand-in for vectors: 0.9 to one wording, 0.3 to all others."""

    def similar(_: str, wordings: Sequence[str]) -> list[float]:
        return [0.9 if wording == wanted else 0.3 for wording in wordings]

    return similar


def test_unseen_words_are_compared_by_meaning() -> None:
    text = "the machine claims the tray is vacant"
    assert check("check_sim_status", text) == {}
    assert by_meaning(LEXICON, "check_sim_status", text, nearest_to("SIM missing")) == {"check_sim_status": "missing"}  # type: ignore[arg-type]
    assert by_meaning(LEXICON, "check_sim_status", text, lambda _, wordings: [0.5] * len(wordings)) == {}


def test_nearness_does_not_turn_no_into_yes() -> None:
    """A denial is near to what it denies; the words that deny decide."""
    assert by_meaning(LEXICON, "check_vpn_status", "never had one, not in use", nearest_to("VPN is on")) == {}  # type: ignore[arg-type]


def test_results_by_meaning() -> None:
    assert helped_by_meaning("we are in business again", nearest_to(RESULTS["solved"][0])) == "solved"  # type: ignore[arg-type]
    assert helped_by_meaning("alas", nearest_to(RESULTS["still"][0])) == "still"  # type: ignore[arg-type]
    assert helped_by_meaning("hm", lambda _, wordings: [0.4] * len(wordings)) == ""
