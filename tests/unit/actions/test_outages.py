"""Known outages: what one is and whom it reaches, and how customers are told of it in a conversation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from conversations import NOON, Clock, Conversation

from actions.diagnosis_graph import Graphs
from actions.ports import Ports
from server.outages import Draft, Known, Place, Present, Where, problems, resolved, spoken_of, state_of
from server.settings import ROOT

PLACES = {
    "hangzhou": ("杭州", "杭州市", "Hangzhou"),
    "yuhang": ("余杭区", "余杭", "Yuhang district"),
    "xihu": ("西湖区", "西湖", "Xihu"),
}
KNOWN = Known(places=PLACES, intents={"fault_broadband": {}}, symptoms={}, products={})
GOOD: Mapping[str, Any] = {
    "title": {"zh": "余杭区宽带抢修", "en": "Broadband repair in Yuhang"},
    "text": {"zh": "一条主干光缆断了，正在抢修。", "en": "A trunk cable was cut and is being repaired."},
    "places": ["yuhang"],
    "intents": ["fault_broadband"],
}


def notice(
    number: int = 1, *, places: tuple[str, ...] = ("yuhang",), areas: tuple[str, ...] = (), **more: Any
) -> Present:
    """A notice as it travels with a turn; without places and areas it is for everywhere."""
    return Present(
        id=number,
        title=GOOD["title"],
        text=GOOD["text"],
        areas=tuple(Place(**one) for one in resolved(places, areas, PLACES)) if places or areas else None,
        **({"intents": ["fault_broadband"]} | more),
    )


# -------------------------------------------------------------------- what a notice is


@pytest.mark.parametrize(
    ("begins", "ended", "state"),
    [(-1, None, "present"), (0, None, "present"), (1, None, "planned"), (-2, -1, "past"), (1, 0, "past")],
)
def test_the_end_is_told_by_people_and_the_beginning_by_the_clock(begins: int, ended: int | None, state: str) -> None:
    at = [None if hours is None else (NOON + timedelta(hours=hours)).isoformat() for hours in (begins, ended)]
    assert state_of(str(at[0]), at[1], NOON) == state


@pytest.mark.parametrize(
    ("text", "areas", "reached"),
    [
        ("我在杭州市滨江区长河街道", ["滨江区长河"], True),
        ("我在杭州滨江，网断了", ["杭州市滨江区"], True),
        ("我在滨湖", ["滨江区"], False),
        ("I live in Binjiang", ["Binjiang District"], True),
        ("I live in Binjiangville", ["Binjiang"], False),
        ("", ["滨江区"], False),
        ("我住市北区", ["市北区"], True),
    ],
)
def test_free_text_areas_are_found_in_what_customers_say(text: str, areas: list[str], *, reached: bool) -> None:
    one = notice(places=(), areas=tuple(areas))
    assert one.reaches(Where(text=text)) is reached
    assert spoken_of([one], text) is reached


def test_a_place_is_known_by_its_value_and_by_every_name() -> None:
    one = notice()
    assert one.reaches(Where(values=("hangzhou", "yuhang")))
    assert one.reaches(Where(text="余杭文三路"))
    assert not one.reaches(Where(values=("hangzhou",), text="杭州"))
    assert not one.reaches(None)
    assert notice(places=()).reaches(None)


@pytest.mark.parametrize(
    ("change", "key", "path"),
    [
        ({"title": {"zh": "抢修"}}, "missing", ("title", "en")),
        ({"text": {"zh": " ", "en": "A cable was cut."}}, "missing", ("text", "zh")),
        ({"title": {"zh": "VDSL", "en": "VDSL"}}, "warn_same", ("title", "en")),
        ({"places": []}, "no_area", ("places",)),
        ({"everywhere": True}, "warn_everywhere", ("everywhere",)),
        ({"intents": []}, "no_trouble", ("intents",)),
        ({"places": ["atlantis"]}, "unknown_name", ("places",)),
        ({"areas": ["区"]}, "area_short", ("areas",)),
        ({"expected_end": "2026-03-10T11:00:00+08:00"}, "ends_first", ("expected_end",)),
        ({"begins": "2026-03-10T09:00:00"}, "no_offset", ("begins",)),
        ({"begins": "2026-03-10T09:00:00Z", "expected_end": "2026-03-10T08:00:00Z"}, "ends_first", ("expected_end",)),
        ({"begins": "2026-03-01T09:00:00Z", "expected_end": "2026-03-02T09:00:00Z"}, "warn_overdue", ("expected_end",)),
        ({"begins": "2026-08-01T09:00:00Z"}, "warn_far", ("begins",)),
    ],
)
def test_problems_name_the_field(change: dict[str, Any], key: str, path: tuple[str, ...]) -> None:
    assert problems(Draft.model_validate({**GOOD}), KNOWN, NOON) == []
    found = problems(Draft.model_validate({**GOOD, **change}), KNOWN, NOON)
    assert [(one.key, one.path) for one in found] == [(key, path)]


def test_what_is_no_notice_is_left_out_of_a_turn() -> None:
    sent = notice().model_dump(mode="json")
    assert Present.read([{"id": "x"}, sent, 3]) == (notice(),)
    assert Present.read(None) == ()


# -------------------------------------------------------------------- in a conversation


@pytest.fixture(scope="module")
def graphs() -> Graphs:
    return Graphs.load(ROOT / "kg" / "data")


class Customer(Conversation):
    """A customer who talks while notices come and go."""

    def notices(self, *present: Present) -> None:
        self.ports = replace(self.ports, outages=present)


@pytest.fixture
def zh(ports: Ports, graphs: Graphs, clock: Clock, back_end: httpx.AsyncClient) -> Customer:
    return Customer(replace(ports, graphs=graphs), clock, back_end, "zh")


@pytest.fixture
def en(ports: Ports, graphs: Graphs, clock: Clock, back_end: httpx.AsyncClient) -> Customer:
    return Customer(replace(ports, graphs=graphs), clock, back_end, "en")


def told(talk: Conversation) -> list[int]:
    return [one["id"] for message in talk.messages for one in message.get("outages", [])]


def diagnoses(talk: Conversation) -> bool:
    return (talk.diagnosis is not None and "step" in talk.messages[-1]) or talk.keys[-1] == "ask.phone"


async def test_whoever_is_in_the_area_gets_the_notice_with_its_end_instead_of_a_diagnosis(zh: Customer) -> None:
    zh.notices(notice(expected_end=(NOON + timedelta(hours=3)).isoformat()))
    [text] = await zh.say("余杭区，家里宽带上不去网", "fault_broadband", place="余杭区")
    assert told(zh) == [1]
    assert "主干光缆" in text
    assert "15:00" in text
    assert zh.diagnosis is None
    [text] = await zh.say("好的", "affirm")
    assert "恢复后" in text


async def test_whoever_is_elsewhere_gets_the_diagnosis(zh: Customer) -> None:
    zh.notices(notice())
    await zh.say("我在成都，家里宽带上不去网", "fault_broadband", place="成都")
    assert told(zh) == []
    assert diagnoses(zh)


async def test_a_look_at_the_line_goes_on_with_what_was_said_and_the_notice_comes_only_once(en: Customer) -> None:
    en.notices(notice())
    said = "no internet at home in Yuhang district and the LOS light is red"
    await en.say(said, "fault_broadband", place="Yuhang district")
    assert told(en) == [1]
    assert len(en.messages[-1]["choices"]) == 2
    await en.press(0)
    assert diagnoses(en)
    assert en.diagnosis["engine"]["evidence"], "the light that was told is known"
    await en.say("never mind", "cancel")
    await en.say("my internet is down again", "fault_broadband")
    assert told(en) == []


@pytest.mark.parametrize(
    ("words", "intent"), [("不是这个问题，帮我查一下", "deny"), ("我这个不一样", "inform"), ("没用", "deny")]
)
async def test_a_look_can_be_asked_for_in_words(zh: Customer, words: str, intent: str) -> None:
    zh.notices(notice())
    await zh.say("余杭区家里宽带上不去网", "fault_broadband", place="余杭区")
    await zh.say(words, intent)
    assert diagnoses(zh)


async def test_the_button_works_after_something_else_too(zh: Customer) -> None:
    zh.notices(notice())
    await zh.say("余杭区家里宽带上不去网", "fault_broadband", place="余杭区")
    button = zh.messages[-1]["choices"][0]["value"]
    await zh.say("怎么开发票", "invoice")
    await zh.send_value(button)
    assert diagnoses(zh)
    assert told(zh) == []


async def test_the_area_is_asked_for_once_and_then_the_notice_comes(zh: Customer) -> None:
    zh.notices(notice())
    await zh.say("家里宽带上不去网", "fault_broadband")
    assert zh.keys == ["outage.ask_area"]
    await zh.say("杭州余杭区", place="余杭区")
    assert told(zh) == [1]


async def test_who_is_not_sure_where_they_are_gets_the_diagnosis(en: Customer) -> None:
    en.notices(notice())
    await en.say("no internet at home", "fault_broadband")
    await en.press(0)
    assert told(en) == []
    assert diagnoses(en)
    await en.say("never mind", "cancel")
    await en.say("no internet at home", "fault_broadband")
    assert "outage.ask_area" not in en.keys


async def test_a_place_that_was_told_earlier_counts_and_a_journey_does_not(zh: Customer) -> None:
    zh.notices(notice())
    await zh.say("去余杭区的营业厅怎么走", "store_hours", place="余杭区")
    assert zh.state.area is None
    await zh.say("余杭区有故障吗", "check_outage", place="余杭区")
    zh.notices(notice(2))
    await zh.say("家里宽带上不去网", "fault_broadband")
    assert told(zh) == [2]


async def test_a_notice_for_everywhere_needs_no_area(en: Customer) -> None:
    en.notices(notice(places=()))
    await en.say("no internet at home", "fault_broadband")
    assert told(en) == [1]


async def test_another_trouble_is_not_concerned(zh: Customer) -> None:
    zh.notices(notice(places=()))
    await zh.say("手机没信号", "fault_no_service")
    assert told(zh) == []


async def test_symptoms_and_products_are_concerned_too(zh: Customer, graphs: Graphs) -> None:
    nodes = graphs.current.knowledge.graph.symptoms
    name = next(one for one in zh.ports.intents["fault_no_service"].symptoms if one in nodes)
    zh.notices(notice(places=(), intents=[], products=[nodes[name].product]))
    await zh.say("手机没信号", "fault_no_service")
    assert told(zh) == [1]


async def test_a_diagnosis_under_way_tells_of_a_notice_before_its_next_step(zh: Customer) -> None:
    await zh.say("我在余杭区，家里宽带上不去网", "fault_broadband", place="余杭区")
    zh.notices(notice())
    await zh.mumble("不确定")
    assert told(zh) == [1]
    assert zh.keys[0] == "outage.notice"
    assert diagnoses(zh)
    await zh.mumble("不确定")
    assert told(zh) == []


async def test_is_there_an_outage_tells_of_notices_and_of_the_account_system(zh: Customer) -> None:
    zh.notices(notice(places=("xihu",)), notice(2, places=("hangzhou",)))
    await zh.say("西湖区有故障吗", "check_outage", place="西湖区")
    assert told(zh) == [1]
    assert "outage.found" in zh.keys
    assert "outage.none" not in zh.keys


async def test_the_record_of_who_they_are_tells_where_they_live(en: Customer, monkeypatch: pytest.MonkeyPatch) -> None:
    await en.say("how much data do I have left on 19900000101", "check_data_usage", phone_number="19900000101")
    known = await en.ports.accounts.get_customer(str(en.state.customer))

    async def with_area(*_: Any) -> Any:
        return known.model_copy(update={"area": "Yuhang, Hangzhou"})

    monkeypatch.setattr(type(en.ports.accounts), "get_customer", with_area)
    en.notices(notice())
    await en.say("no internet at home", "fault_broadband")
    assert told(en) == [1]
