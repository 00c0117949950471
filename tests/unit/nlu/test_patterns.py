"""What is recognised by its form alone."""

import pytest

from server.nlu.data import EntityKind, Example, Span
from server.nlu.patterns import Patterns
from server.nlu.text import align

KINDS = {
    name: EntityKind(name, normaliser)
    for name, normaliser in {
        "phone": "phone", "order": "code", "pin": "digits", "amount": "amount", "volume": "data_volume", "day": "date",
    }.items()
}  # fmt: skip


def _examples() -> list[Example]:
    orders = [f"QH{n}" for n in (48210937, 48210938, 10000001)]
    pins = ["123456", "654321", "000111"]
    return [
        *(Example(f"where is {o}", "x", (Span(9, 9 + len(o), "order", o),)) for o in orders),
        *(Example(f"code {p}", "x", (Span(5, 11, "pin", p),)) for p in pins),
    ]


PATTERNS = Patterns.learn(_examples(), KINDS)


@pytest.mark.parametrize(
    ("text", "surface", "kind", "certain"),
    [
        ("call +86 199 0000 0101 please", "+86 199 0000 0101", "phone", True),
        ("我的号码是１９９０００００１０１", "１９９０００００１０１", "phone", True),
        ("幺九九零零零零零幺零幺", "幺九九零零零零零幺零幺", "phone", True),
        ("one nine nine zero zero zero zero zero one zero one", None, "phone", True),
        ("订单qh48210937到哪了", "qh48210937", "order", True),
        ("my pin is 482913", "482913", "pin", False),
        ("账单是¥45.5吗", "¥45.5", "amount", False),
        ("put twenty five yuan on it", "twenty five yuan", "amount", False),
        ("加五个G", "五个G", "volume", False),
        ("bill of 12月3号", "12月3号", "day", False),
        ("come Saturday afternoon", "Saturday afternoon", "day", False),
    ],
)
def test_forms_are_recognised(text: str, surface: str | None, kind: str, certain: bool) -> None:
    found = {(f.entity, f.certain) for f in PATTERNS.find(align(text))}
    assert (kind, certain) in found
    spans = [align(text).span(f.start, f.end) for f in PATTERNS.find(align(text)) if f.entity == kind]
    assert (surface or text) in [text[a:b] for a, b in spans]


@pytest.mark.parametrize("text", ["12345678901234", "1990000010", "29900000101", "QH4821093", "XQH48210937", "12.5"])
def test_what_only_resembles_a_form_is_not_certain(text: str) -> None:
    assert [f for f in PATTERNS.find(align(text)) if f.certain] == []
