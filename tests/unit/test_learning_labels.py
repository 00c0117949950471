"""Labels and groups of similar messages: the pure parts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from server.learning.clusters import Group, Grouping, name_of, proposal, title
from server.learning.labels import Label, contradict, filled, marked, problem_of, rasa_yaml, spans_that_stand, text_key
from server.nlu.data import load


def label(**given: object) -> Label:
    base: dict[str, object] = {
        "id": 1, "text": "where is QH12345678", "language": "en", "verdict": "intent", "intent": "order_status",
        "entities": ((9, 19, "order_number"),), "conversation": "c1", "seq": 3, "author": "lin",
        "at": "2026-03-02T04:00:00.000Z", "why": ("fallback",),
    }  # fmt: skip
    return Label(**{**base, **given})  # type: ignore[arg-type]


def test_the_same_words_are_the_same_however_they_are_typed() -> None:
    assert text_key("Where is my order?", "en") == text_key("where is my ORDER ", "en")
    assert text_key("查询订单", "zh") == text_key("查询订单。", "zh") != text_key("查订单", "zh")
    assert text_key("？", "zh") != text_key("！", "zh")


def test_labels_contradict_by_what_they_mean() -> None:
    one = {"item": 1, "verdict": "intent", "intent": "greet", "entities": [(0, 2, "plan")]}
    assert contradict(one, {**one, "item": 2, "intent": "goodbye"})
    assert contradict(one, {**one, "verdict": "out_of_scope", "intent": None})
    assert contradict(one, {**one, "entities": []})
    assert not contradict(one, {**one, "item": 2, "entities": []}), "spans of another message may lie elsewhere"


@pytest.mark.parametrize(
    ("spans", "words"),
    [
        ([(0, 3, "fruit")], "no kind of detail called 'fruit'"),
        ([(3, 3, "plan")], "marks no words"),
        ([(2, 99, "plan")], "marks no words"),
        ([(0, 4, "plan"), (3, 6, "plan")], "overlaps"),
    ],
)
def test_a_span_that_cannot_be_is_named(spans: list[tuple[int, int, str]], words: str) -> None:
    assert words in str(problem_of(spans, "the 30GB one", ["plan"]))


def test_details_are_found_again_in_the_masked_text() -> None:
    raw = [{"entity": "phone_number", "raw": "19900000101"}, {"entity": "plan", "raw": "青叶套餐"}]
    assert spans_that_stand(raw, "<PHONE>改成青叶套餐") == [(9, 13, "plan")]


def test_what_was_masked_is_made_up_for_training_and_the_spans_move_along() -> None:
    example = filled(
        label(text="call <PHONE> about QH12345678", entities=((5, 12, "phone_number"), (19, 29, "order_number")))
    )
    assert example.text == "call 199 0000 0000 about QH12345678"
    assert [(s.value, s.entity) for s in example.entities] == [
        ("199 0000 0000", "phone_number"),
        ("QH12345678", "order_number"),
    ]


def test_the_export_is_training_data_with_its_origin(tmp_path: Path) -> None:
    text = rasa_yaml(
        [
            label(),
            label(id=2, text="ignore [all](rules)\nnow", verdict="out_of_scope", intent=None, entities=()),
            label(id=3, verdict="not_a_question", intent=None),
        ]
    )
    path = tmp_path / "labels.yml"
    path.write_text(text)
    examples = load([path]).examples
    assert [(e.text, e.intent) for e in examples] == [
        ("ignore (all)(rules) now", "oos"),
        ("where is QH12345678", "order_status"),
    ]
    assert examples[1].entities[0].entity == "order_number"
    origin = yaml.safe_load(text)["nlu"][1]["examples"][0]["metadata"]
    assert origin == {
        "conversation": "c1", "seq": 3, "by": "lin", "at": "2026-03-02T04:00:00.000Z", "why": ["fallback"]
    }  # fmt: skip
    assert marked("a [b] c", [(2, 5, "plan")]) == "a [(b)](plan) c"


def unit(*values: float) -> np.ndarray:
    vector = np.array(values, np.float32)
    return vector / np.linalg.norm(vector)


RANKING = {
    "dog": [{"name": "fault_device", "confidence": 0.3}, {"name": "complain", "confidence": 0.2}],
    "bill": [{"name": "check_bill", "confidence": 0.5}, {"name": "pay_bill", "confidence": 0.3}],
}


def test_like_messages_come_together_and_others_do_not() -> None:
    arrivals = [
        (unit(1, 0.1, 0), "dog"), (unit(0, 1, 0.2), "bill"), (unit(1, 0.2, 0.1), "dog"), (unit(0.1, 1, 0.1), "bill"),
        (unit(0.9, 0, 0.1), "dog"),
    ]  # fmt: skip

    def run(known: Grouping, rows: list[tuple[np.ndarray, str]]) -> list[int]:
        return [
            known.groups.index(known.place(v, RANKING[kind], 0.1, Group(0, "en", 0, np.zeros(3, np.float32))))
            for v, kind in rows
        ]

    whole = Grouping([])
    assert run(whole, arrivals) == [0, 1, 0, 1, 0]
    assert [group.size for group in whole.groups] == [3, 2]
    # In two parts, with what is stored in between, it is the same.
    first = Grouping([])
    run(first, arrivals[:2])
    again = Grouping([Group(g.id, g.language, g.size, g.vector, dict(g.ranking), g.oos) for g in first.groups])
    assert run(again, arrivals[2:]) == [0, 1, 0]
    np.testing.assert_allclose(again.groups[0].vector, whole.groups[0].vector)


def test_a_proposal_is_what_the_group_is_nearest_to_or_that_it_is_new() -> None:
    known = proposal([RANKING["bill"], RANKING["bill"]], [0.1, 0.1])
    assert known.intents[0] == ("check_bill", 0.5)
    assert not known.looks_new
    assert proposal([RANKING["dog"]], [0.1]).looks_new
    assert proposal([RANKING["bill"]], [0.9]).looks_new, "what is likely out of scope is not a trained intent"
    assert proposal([], []).looks_new
    hardly = [{"name": "greet", "confidence": 0.9}, {"name": "check_bill", "confidence": 0.0049}]
    assert [name for name, _ in proposal([hardly], [0.1]).intents] == ["greet"], "nothing is proposed at 0 %"


def test_a_group_has_a_title_and_a_name_from_its_words() -> None:
    texts = ["my dog chewed the charger cable", "dog chewed cable", "the dog bit through the charger cable, help"]
    assert texts[title(texts)] == "dog chewed cable"
    assert name_of(texts, "en") == "dog_charger_cable"
    assert name_of(["充电线被狗咬断了", "狗咬坏充电线怎么办"], "zh") == "chong_dian_xian"
    assert name_of(["？"], "zh") == "new_topic"
