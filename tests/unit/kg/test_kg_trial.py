"""Trying a graph, regression cases, and what closed cases teach."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import kg
from kg import examine
from kg.bdd import AnalysisLimitError
from kg.compiled import Knowledge
from kg.diagnose import StateError, start
from kg.editing import Content, apply
from kg.learn import STRENGTH, proposals, propose
from kg.load import load
from kg.model import Who
from kg.next_step import check_values, hypotheses
from kg.problems import Reader
from kg.trial import Case, TalkError, run_case, talk

KNOWLEDGE = Knowledge(load([Path(kg.__file__).parent / "data"]))
SYMPTOM = "tv_no_picture"


def talk_to_the_end(symptom: str, choose: int) -> list[dict]:
    """Answers of a customer who always takes the option of one place, or the last one."""
    answers: list[dict] = []
    while True:
        shown = talk(KNOWLEDGE, symptom, answers)
        options = shown["step"]["options"]
        if not options:
            return answers
        answers.append(options[min(choose, len(options) - 1)]["answer"])


# --------------------------------------------------------------------------- trying


def test_a_talk_shows_step_reasons_and_how_every_fault_moves():
    first = talk(KNOWLEDGE, SYMPTOM, [])
    assert first["outcome"]["end"] == "open"
    assert first["trail"] == []
    assert first["step"]["why"]["zh"]
    assert first["step"]["why_agent"]["en"]
    assert {one["fault"] for one in first["posterior"]} == KNOWLEDGE.graph.tree(SYMPTOM).events
    option = first["step"]["options"][0]
    second = talk(KNOWLEDGE, SYMPTOM, [option["answer"]])
    assert second["trail"][0]["label"] == option["label"]
    assert [one["before"] for one in sorted(second["posterior"], key=lambda one: one["fault"])] == pytest.approx(
        [one["probability"] for one in sorted(first["posterior"], key=lambda one: one["fault"])]
    )
    assert any(abs(one["probability"] - one["before"]) > 0.01 for one in second["posterior"])


@pytest.mark.parametrize("symptom", sorted(KNOWLEDGE.graph.symptoms))
@pytest.mark.parametrize("choose", [0, 1, 99])
def test_every_talk_ends_and_becomes_a_case_that_passes(symptom, choose):
    answers = talk_to_the_end(symptom, choose)
    shown = talk(KNOWLEDGE, symptom, answers)
    assert shown["stale"] is None
    assert shown["outcome"]["end"] in {"solved", "handoff"}
    expect = {key: shown["outcome"][key] for key in ("end", "reason", "node", "fault")}
    result = run_case(KNOWLEDGE, Case.read({"title": "t", "symptom": symptom, "answers": answers, "expect": expect}))
    assert result.passed, result.as_json()
    assert result.at is None


def test_an_open_talk_is_a_case_about_its_next_step():
    answers = talk_to_the_end(SYMPTOM, 0)[:1]
    outcome = talk(KNOWLEDGE, SYMPTOM, answers)["outcome"]
    case = {"title": "t", "symptom": SYMPTOM, "answers": answers, "expect": {"end": "open", "node": outcome["node"]}}
    assert run_case(KNOWLEDGE, Case.read(case)).passed
    case["expect"] = {"end": "open", "node": "somewhere_else"}
    failed = run_case(KNOWLEDGE, Case.read(case))
    assert not failed.passed
    assert failed.as_json()["got"]["node"] == outcome["node"]


def test_a_case_fails_when_the_graph_no_longer_solves_it():
    answers = talk_to_the_end(SYMPTOM, 0)
    outcome = talk(KNOWLEDGE, SYMPTOM, answers)["outcome"]
    assert outcome["end"] == "solved"
    case = Case.read({"title": "t", "symptom": SYMPTOM, "answers": answers, "expect": outcome}, "7")
    worse = apply(Content.of_graph(KNOWLEDGE.graph), [{"op": "remove", "node": outcome["node"]}])
    result = run_case(Knowledge(Reader().check(worse).graph), case)
    assert not result.passed
    assert result.as_json()["case"] == "7"
    assert "{" not in result.as_json()["text"]["zh"]


def test_answers_that_the_draft_has_no_place_for_are_named():
    answers = talk_to_the_end(SYMPTOM, 0)
    gone = {"kind": "check", "node": "no_such_check", "outcomes": {"no_such_check": "yes"}}
    shown = talk(KNOWLEDGE, SYMPTOM, [answers[0], gone, *answers[1:]])
    assert shown["stale"] == 1
    assert len(shown["trail"]) == 1
    assert talk(KNOWLEDGE, SYMPTOM, [*answers, answers[0]])["stale"] == len(answers)


@pytest.mark.parametrize(
    "wrong",
    [
        {"answers": "x"},
        {"answers": [{"kind": "shrug"}]},
        {"answers": [{"kind": "check", "node": 3}]},
        {"answers": [{"kind": "check", "node": "a", "outcomes": {"a": 1}}]},
        {"answers": [{"kind": "still"}] * 61},
        {"expect": {"end": "explosion"}},
        {"expect": {"end": "solved", "node": 3}},
        {"symptom": None},
    ],
)
def test_a_case_that_is_none_is_refused(wrong):
    with pytest.raises(TalkError):
        Case.read({"title": "t", "symptom": SYMPTOM, "answers": [], "expect": {"end": "open"}, **wrong})


def test_a_case_about_what_is_gone_says_so():
    case = Case.read({"title": "t", "symptom": "gone", "answers": [], "expect": {"end": "open"}})
    assert run_case(KNOWLEDGE, case).as_json()["text"]["en"] == 'The graph has no "gone" any more.'
    odd = {"kind": "observe", "outcomes": {"no_facet": "x"}}
    case = Case.read({"title": "t", "symptom": SYMPTOM, "answers": [odd], "expect": {"end": "open"}})
    assert run_case(KNOWLEDGE, case).missing == "no_facet"
    with pytest.raises(StateError):
        talk(KNOWLEDGE, "gone", [])


# --------------------------------------------------------------------------- values of checks


@pytest.mark.parametrize("symptom", sorted(KNOWLEDGE.graph.symptoms))
def test_checks_help_or_do_not_matter(symptom):
    state = start(KNOWLEDGE, symptom)
    values = check_values(KNOWLEDGE, state)
    assert all(value >= 0 for value in values.values())
    assert list(values.values()) == sorted(values.values(), reverse=True)
    asked = talk(KNOWLEDGE, symptom, [])["step"]
    if asked["kind"] == "check" and KNOWLEDGE.graph.checks[asked["node"]].who is Who.CUSTOMER:
        assert asked["node"] in values
    assert hypotheses(KNOWLEDGE, state)


# --------------------------------------------------------------------------- priors


def test_a_proposal_is_the_mean_of_the_beta_posterior():
    made = propose("f", 0.1, 20, 100)
    assert made.proposed == pytest.approx((0.1 * STRENGTH + 20) / (STRENGTH + 100))
    assert made.low < made.proposed < made.high
    assert propose("f", 0.1, 10, 100).proposed == pytest.approx(0.1)


@given(st.floats(0, 1), st.integers(0, 500), st.integers(0, 500))
def test_a_proposal_lies_between_the_prior_and_what_was_seen(prior, cases, others):
    made = propose("f", prior, cases, cases + others)
    assert 0 < made.proposed < 1
    if cases + others:
        seen = cases / (cases + others)
        assert min(prior, seen) - 2e-4 <= made.proposed <= max(prior, seen) + 2e-4


def test_faults_without_news_are_not_proposed():
    found = proposals({"a": 0.1, "b": 0.1, "c": 0.5}, {"a": (30, 100), "b": (10, 100), "c": (0, 0), "gone": (1, 1)})
    assert [one.fault for one in found] == ["a"]
    with pytest.raises(ValueError, match="cannot be"):
        propose("a", 0.1, 3, 2)


def test_what_an_analysis_leaves_out_is_said_in_both_languages(monkeypatch: pytest.MonkeyPatch) -> None:
    assert examine.examine(KNOWLEDGE, SYMPTOM)["notes"] == []
    whole = examine.analyse

    def too_large(*given: Any, max_order: int | None = None, **more: Any) -> Any:
        if max_order is None:
            raise AnalysisLimitError("too large")
        return whole(*given, max_order=max_order, **more)

    monkeypatch.setattr(examine, "analyse", too_large)
    (note,) = examine.examine(KNOWLEDGE, SYMPTOM)["notes"]
    assert "4" in note["zh"]
    assert "up to 4 faults" in note["en"]
