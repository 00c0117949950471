"""What a message visibly holds, as the intent model sees it."""

import numpy as np

from server.nlu.cues import Cues
from server.nlu.data import EntityKind, Example, Span
from server.nlu.text import align

KINDS = {
    "phone_number": EntityKind("phone_number", "phone"),
    "order_number": EntityKind("order_number", "code"),
    "plan": EntityKind("plan", "lookup", {}, {"plus": ("青叶套餐", "Leaf")}),
}
ORDERS = [
    Example(f"where is QH4821093{n}", "order_status", (Span(9, 19, "order_number", f"QH4821093{n}"),)) for n in range(4)
]
CUES = Cues.learn(ORDERS, KINDS, {"plan": ["Meadow"]})


def _of(text: str) -> tuple[float, ...]:
    return tuple(CUES.of([align(text)])[0])


def test_a_bare_value_differs_from_the_same_value_in_a_sentence_whatever_the_value_is() -> None:
    assert _of("QH11111111") == _of("QH22222222")
    assert _of("QH11111111") != _of("where on earth is my parcel QH11111111")
    assert _of("青叶套餐") != _of("ＱＨ１１１１１１１１")
    assert _of("ＱＨ１１１１１１１１") == _of("QH11111111")
    assert _of("Leaf") == _of("Meadow")


def test_a_question_and_a_negation_show() -> None:
    assert _of("roaming is on") != _of("roaming is on?")
    assert _of("turn it on") != _of("turn it off")
    assert _of("打开漫游") != _of("关闭漫游")


def test_a_text_of_nothing_has_cues_too() -> None:
    rows = CUES.of([align(t) for t in ("", "  ", "👍", "…")])
    assert rows.shape == (4, len(_of("hello")))
    assert np.isfinite(rows).all()


def test_a_surface_seen_once_is_no_cue() -> None:
    once = [Example("call Wang Wei", "talk_to_human", (Span(5, 13, "person_name", "Wang Wei"),))]
    cues = Cues.learn([*ORDERS, *once], KINDS, {})
    assert (cues.of([align("call Wang Wei")]) == cues.of([align("call Some One")])).all()
