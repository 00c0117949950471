"""What a customer types, before it goes anywhere: cleaned, measured, and its language told."""

import re
import unicodedata

from server.nlu.language import detect

MAX_MESSAGE_CHARACTERS = 4000

_KEPT_CONTROLS = "\n\t"
# Overrides reorder what staff read; the isolates and marks that right-to-left text needs stay.
_BIDI_OVERRIDES = "\u202a\u202b\u202c\u202d\u202e"
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_WORD = re.compile(r"[A-Za-z]{2,}")
# One Latin word in a Chinese conversation is a product or a yes; two are a sentence.
_WORDS_THAT_TELL = 2


class TextError(ValueError):
    """A text that cannot be a message; ``code`` is the error code of the frame."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def clean(text: str) -> str:
    """The text without control characters, lone surrogates and direction overrides, trimmed.

    Raises:
        TextError: ``bad_frame`` where nothing is left, ``too_large`` above ``MAX_MESSAGE_CHARACTERS``.
    """
    kept = "".join(character for character in text if _is_kept(character)).strip()
    if not kept:
        raise TextError("bad_frame")
    if len(kept) > MAX_MESSAGE_CHARACTERS:
        raise TextError("too_large")
    return kept


def language_of(text: str, previous: str) -> str:
    """``zh``, also in pinyin, or ``en``; a text that does not tell ("ok", 5) keeps the conversation's language."""
    if _HAN.search(text):
        return "zh"
    return detect(text) if len(_WORD.findall(text)) >= _WORDS_THAT_TELL else previous


def _is_kept(character: str) -> bool:
    if character in _KEPT_CONTROLS:
        return True
    return unicodedata.category(character) not in {"Cc", "Cs"} and character not in _BIDI_OVERRIDES
