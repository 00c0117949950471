"""All recognisers together: what they find, without overlaps, and the masked text."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from server.privacy import addresses, handles, names_en, names_zh, numbers
from server.privacy.plain import plain
from server.privacy.spans import Span

Recogniser = Callable[[str], Iterator[Span]]

# The first that claims a place has it: the sure forms (check digits, an @) before those that a label or a word decides.
_RECOGNISERS: tuple[Recogniser, ...] = (
    handles.emails,
    numbers.id_cards,
    handles.plates,
    numbers.bank_cards,
    handles.passports,
    handles.accounts,
    numbers.phones,
    numbers.spoken,
    addresses.chinese,
    addresses.english,
    names_zh.find,
    names_en.find,
)


def find(text: str) -> list[Span]:
    """The personal data in ``text``, in order and without overlaps."""
    simple = plain(text)
    taken: list[Span] = []
    for recognise in _RECOGNISERS:
        _take(taken, recognise(simple.text))
    for beside in (names_zh.beside, names_en.beside):
        _take(taken, beside(simple.text, tuple(taken)))
    return sorted(Span(*simple.original(span.start, span.end), span.kind) for span in taken)


def mask(text: str) -> str:
    """``text`` with ``<KIND>`` in place of everything personal."""
    return _masked(text, find(text))


def mask_json(value: Any) -> Any:
    """``value`` with every string in it masked, keys too; numbers, booleans and nulls stay."""
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, dict):
        return {mask(key) if isinstance(key, str) else key: mask_json(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [mask_json(one) for one in value]
    return value


def _masked(text: str, spans: Iterable[Span]) -> str:
    parts, at = [], 0
    for span in spans:
        parts += [text[at : span.start], f"<{span.kind}>"]
        at = span.end
    return "".join([*parts, text[at:]])


def _take(taken: list[Span], found: Iterator[Span]) -> None:
    # Within one recogniser the longest wins: an address found from two of its parts is one address.
    for span in sorted(found, key=lambda one: one.start - one.end):
        if span.end > span.start and not any(span.overlaps(other) for other in taken):
            taken.append(span)
