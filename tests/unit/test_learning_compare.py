"""Holding a candidate against the release in service: the statistics, the rule, and what is learnt from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from server.company import Company
from server.learning import snapshot
from server.learning.compare import compare
from server.learning.labels import Label
from server.learning.verdict import safety_intents, verdict
from server.library import of_company
from server.new_intents import check
from server.nlu.data import Example, Span, load
from server.nlu.engine import Entity, Intent, Parse
from server.starter import make_company


def parse(text: str, name: str, confidence: float = 0.9, entities: tuple[Entity, ...] = ()) -> Parse:
    ranking = (Intent(name, confidence), Intent("other", 0.01))
    return Parse(text, "en", ranking[0], ranking, entities, 0.0, 0.5, 0.1, "r", "embedded", 1.0)


def messages(**counts: int) -> list[Example]:
    return [Example(f"{name} {i}", name) for name, count in counts.items() for i in range(count)]


def read(examples: list[Example], wrong: dict[str, int]) -> list[Parse]:
    """Reads everything right but the first so many of each intent."""
    left = dict(wrong)
    found = []
    for example in examples:
        bad = left.get(example.intent, 0) > 0
        left[example.intent] = left.get(example.intent, 0) - 1
        found.append(parse(example.text, "other" if bad else example.intent))
    return found


def judged(examples: list[Example], base: dict[str, int], candidate: dict[str, int]) -> dict[str, Any]:
    found = compare(examples, read(examples, base), read(examples, candidate))
    return verdict(found, never_worse=["safety_hazard"])


def failed(made: dict[str, Any]) -> list[str]:
    return [one["check"] for one in made["checks"] if not one["ok"]]


EXAMPLES = messages(safety_hazard=20, check_bill=100, pay_bill=100)


def test_a_candidate_that_is_better_is_accepted_and_one_that_is_worse_is_not() -> None:
    assert judged(EXAMPLES, {"check_bill": 20}, {"check_bill": 5})["accepted"]
    assert judged(EXAMPLES, {"check_bill": 5}, {"check_bill": 6})["accepted"], "one message is noise"
    assert "accuracy" in failed(judged(EXAMPLES, {"check_bill": 5}, {"check_bill": 25}))


def test_better_on_average_and_worse_on_safety_is_refused() -> None:
    made = judged(EXAMPLES, {"check_bill": 40}, {"safety_hazard": 1})
    assert failed(made) == ["safety"]
    (check_,) = [one for one in made["checks"] if one["check"] == "safety"]
    assert (check_["intent"], check_["base"], check_["candidate"], check_["of"]) == ("safety_hazard", 20, 19, 20)


def test_an_intent_that_is_surely_worse_is_refused_though_the_whole_gained() -> None:
    made = judged(EXAMPLES, {"check_bill": 40}, {"pay_bill": 15})
    assert ("intent", "pay_bill") in {(one["check"], one.get("intent")) for one in made["checks"] if not one["ok"]}


def test_figures_of_both_and_their_differences() -> None:
    found = compare(EXAMPLES, read(EXAMPLES, {"check_bill": 22}), read(EXAMPLES, {}))
    assert found["base"]["metrics"]["intent_accuracy"] == 0.9
    assert found["candidate"]["metrics"]["intent_accuracy"] == 1.0
    difference = found["differences"]["intent_accuracy"]
    assert difference["difference"] == 0.1
    assert 0.05 < difference["low"] < 0.1 < difference["high"] < 0.15
    assert found["base"]["confusions"] == [{"intent": "check_bill", "taken_for": "other", "count": 22}]
    assert found["base"]["risk"][-1] == [1.0, 0.1]


def test_details_that_are_lost_are_seen() -> None:
    text = "the 30GB one"
    examples = [Example(text, "change_plan", (Span(4, 8, "plan", "30GB"),)) for _ in range(40)]
    entity = (Entity(4, 8, "plan", "plus", "30GB", 0.9),)
    with_them = [parse(text, "change_plan", entities=entity) for _ in examples]
    without = [parse(text, "change_plan") for _ in examples]
    assert failed(verdict(compare(examples, with_them, without), never_worse=[])) == ["entities"]
    assert verdict(compare(examples, without, with_them), never_worse=[])["accepted"]


def test_the_interval_of_an_accuracy_difference_holds_what_it_promises() -> None:
    """In simulated pairs whose true difference is known, the 95 % interval covers it about so often."""
    rng = np.random.default_rng(7)
    n, covered, runs = 150, 0, 60
    examples = messages(check_bill=n)
    for _ in range(runs):
        draw = rng.random((2, n))
        base = [parse(e.text, e.intent if u < 0.8 else "other") for e, u in zip(examples, draw[0], strict=True)]
        new = [parse(e.text, e.intent if u < 0.9 else "other") for e, u in zip(examples, draw[1], strict=True)]
        found = compare(examples, base, new)["intents"][0]
        covered += found["low"] <= 0.1 <= found["high"]
    assert covered >= 0.88 * runs


def label(number: int, text: str, intent: str, **more: Any) -> Label:
    base: dict[str, Any] = {"verdict": "intent", "language": "en", "entities": (), "conversation": "c", "seq": 1}
    return Label(id=number, text=text, intent=intent, author="lin", at="2026-03-02", why=(), **{**base, **more})


def test_a_snapshot_is_a_company_with_labels_and_new_intents_in_it(tmp_path: Path) -> None:
    make_company(tmp_path / "acme")
    company = Company.load(tmp_path / "acme")
    body = {
        "label": {"zh": "停车", "en": "Parking"}, "do": "say",
        "text": {"zh": "门口可以停车。", "en": "Park at the door."},
        "examples": ["where can I park", "is there parking", "哪里可以停车"],
    }  # fmt: skip
    labels = [
        label(1, "are you there on sundays", "opening_hours"),
        label(2, "Are you there on Sundays?", "talk_to_human"),
        label(3, "parking near you", "parking"),
        label(4, "what is love", "", verdict="out_of_scope"),
        label(5, "gone", "an_intent_of_before"),
        label(6, "hi", "opening_hours"),
    ]
    new = [check("parking", body, trained=company.intents)]
    made = snapshot.write(tmp_path / "snapshot", company, labels, new, of_company(company.articles))
    assert made == {"labels": 4, "new_intents": 1}
    again = Company.load(tmp_path / "snapshot")
    assert again.problems() == []
    assert again.intents["parking"].label["en"] == "Parking"
    examples = {one.text: one.intent for one in snapshot.examples_of(again)}
    assert examples["Are you there on Sundays?"] == "talk_to_human", "the newest label counts"
    assert "are you there on sundays" not in examples
    assert (examples["parking near you"], examples["where can I park"], examples["哪里可以停车"]) == ("parking",) * 3
    assert examples["what is love"] == "oos"
    assert examples["hi"] == "opening_hours", "a label counts over the same words in the files"
    assert "gone" not in examples


def test_a_snapshot_has_the_articles_in_service_and_needs_none_that_went(tmp_path: Path) -> None:
    make_company(tmp_path / "acme")
    company = Company.load(tmp_path / "acme")
    library = of_company(company.articles)
    snapshot.write(tmp_path / "same", company, [], [], library)
    files = {path.name: path.read_bytes() for path in company.articles_dir.rglob("*.md")}
    assert files == {path.name: path.read_bytes() for path in (tmp_path / "same" / "articles").rglob("*.md")}
    first = next(iter(library))
    text = {"title": "Parking", "category": "", "summary": "", "markdown": "Behind the house."}
    changed = {
        "parking": {"texts": {"zh": text, "en": text}, "intents": ["opening_hours", "an_intent_of_before"]},
        "half": {"texts": {"en": text}, "intents": []},
    }
    snapshot.write(tmp_path / "changed", company, [], [], changed)
    again = Company.load(tmp_path / "changed")
    assert again.problems() == []
    assert {(one.id, one.intents) for one in again.articles} == {("parking", ("opening_hours",))}
    assert all(first not in one.articles for one in again.intents.values())


def test_what_is_held_out_is_not_learnt_and_two_data_sets_hold_out_the_same(tmp_path: Path) -> None:
    make_company(tmp_path / "acme")
    examples = snapshot.examples_of(Company.load(tmp_path / "acme"))
    learn, out = snapshot.split(examples)
    assert len(learn) + len(out) == len(examples)
    assert 0.1 < len(out) / len(examples) < 0.35
    more = [*examples, Example("do you open on sundays at all", "opening_hours", (), "label:1")]
    assert {one.text for one in out} - {one.text for one in snapshot.split(more)[1]} == set()
    written = snapshot.write_examples(tmp_path / "split", learn)
    assert {one.text for one in load(written).examples} == {one.text for one in learn}
    taught = [Example(out[0].text.upper(), "greet", (), "label:2")]
    path = tmp_path / "held.jsonl"
    path.write_text("".join(p.read_text() for place in snapshot.write_examples(tmp_path / "h", out)
                            for p in place.glob("*.jsonl")))  # fmt: skip
    assert len(snapshot.held_out(path, taught)) == len(out) - 1


def test_safety_is_danger_and_the_wish_for_a_person() -> None:
    company = Company.load(Path(__file__).parents[2] / "demo")
    assert {"safety_hazard", "talk_to_human"} <= set(safety_intents(company.intents))
