"""Small words that carry a conversation: listening noises, yes and no, hesitation; and what recognisers make up.

Pure functions over recognised text, Chinese and English. A Chinese sentence has no spaces, so words are matched from
the left, the longest first, and never counted by spaces.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from server.nlu.text import CJK

_BACKCHANNELS: Final = (
    *("uh-huh", "uh huh", "mm-hmm", "mm hmm", "mhm", "hmm", "mm", "yeah", "yep", "yes", "okay", "ok", "right", "sure"),
    *("i see", "got it", "oh", "ah", "alright", "all right", "uh", "um"),
    *(
        "嗯",
        "唔",
        "哦",
        "噢",
        "喔",
        "啊",
        "呃",
        "对",
        "对的",
        "好",
        "好的",
        "好吧",
        "是",
        "是的",
        "行",
        "知道了",
        "明白",
    ),
    *("明白了", "了解", "可以", "没错"),
)
_YES: Final = (
    *("yes", "yeah", "yep", "yup", "correct", "that's correct", "that is correct", "that's right", "that is right"),
    *("right", "exactly", "sure", "it is", "i did", "please", "okay", "ok", "uh-huh", "mm-hmm"),
    *("对", "对的", "对啊", "是", "是的", "是啊", "没错", "正确", "嗯", "好", "好的", "可以", "就是"),
)
_NO: Final = (
    *("no", "nope", "nah", "wrong", "that's wrong", "that is wrong", "incorrect", "not right", "that's not right"),
    *("that is not right", "it isn't", "it is not", "i didn't", "not correct"),
    *("不", "不是", "不是的", "不对", "不对的", "错了", "错", "没有", "否", "不是这个"),
)
_OPEN_ENDINGS: Final = (
    *("um", "uh", "er", "erm", "well", "so", "and", "but", "or", "because", "my", "the", "a", "an", "is", "to", "with"),
    *("i", "i mean", "like", "for", "of", "it's", "the number is", "let me see", "hold on", "wait"),
    *(
        "嗯",
        "呃",
        "那个",
        "这个",
        "就是",
        "就是说",
        "然后",
        "还有",
        "因为",
        "但是",
        "所以",
        "我的",
        "号码是",
        "等一下",
        "我想想",
    ),
)
_FILLERS: Final = frozenset({"um", "uh", "er", "erm", "呃"})
_MADE_UP: Final = re.compile(
    r"thank(s| you)( so much)? for (watching|listening)|(please|and) (like and )?subscribe"
    r"|see you (in the )?next (video|time)|(subtitles?|captions?) by|amara\.org"
    r"|(谢谢|感谢)(大家|您|你)?的?(观看|收看|收听)|字幕(由|志愿|组|制作|提供|by)|请不吝|点赞.{0,4}订阅|订阅.{0,4}转发"
    r"|明镜与点点|中文字幕志愿者|索兰娅",
    re.IGNORECASE,
)
"""Credits and farewells of the videos that speech models were trained on: what they write for silence and noise."""
_LONE: Final = frozenset({"you", "the", "i", "bye", "so", "oh", "music", "applause", "laughter"})
_SPLIT: Final = re.compile(r"[^\w'’-]+|_")
_PLACES: Final = tuple(
    rf"{en}|第{zh}[个种项条]?"
    for en, zh in zip(("first", "second", "third", "fourth", "fifth"), "一二三四五", strict=True)
)
MOST_BACKCHANNELS: Final = 4
REPEATS: Final = 4


@dataclass(frozen=True, slots=True)
class Answer:
    """A yes or no at the beginning of what was said, and what was said after it."""

    kind: Literal["yes", "no"]
    rest: str


def is_backchannel(text: str) -> bool:
    """Whether a text is nothing but the small noises of somebody who listens (嗯, uh-huh, yeah)."""
    count, rest = 0, _plain(text)
    while rest:
        taken = _leading(rest, _BACKCHANNELS)
        if taken is None:
            return False
        count, rest = count + 1, taken
    return 0 < count <= MOST_BACKCHANNELS


def answer(text: str) -> Answer | None:
    """The yes or no that a text begins with; None where it does not begin with one."""
    plain = _plain(text)
    for kind, words in (("no", _NO), ("yes", _YES)):
        rest, found = plain, False
        while (taken := _leading(rest, words)) is not None:
            rest, found = taken, True
        if found:
            return Answer("no" if kind == "no" else "yes", rest)
    return None


def choice(labels: Sequence[str], text: str) -> int | None:
    """Which of the offered answers a text names: by its words, or by its place ("the second one", 第二个)."""
    said = units(text)
    for index, label in enumerate(labels):
        if similar(label, text) and abs(len(said) - len(units(label))) <= 1:
            return index
    plain = _plain(text)
    for index, ways in enumerate(_PLACES[: len(labels)]):
        if re.fullmatch(rf"(?:the |number |option |选|我选|就)?(?:{ways})(?: one| option| please|吧)?", plain):
            return index
    return None


def is_unfinished(text: str) -> bool:
    """Whether a pause after this text is likely to be a hesitation: a filler, a conjunction, half a phone number."""
    stripped = text.strip()
    if stripped.endswith(("...", "…", "-", "—", ",", "，", "、")):
        return True
    plain = _plain(stripped)
    if is_backchannel(plain) and plain not in _FILLERS:
        return False
    if _trailing_digits(plain):
        return True
    return any(_ends_with(plain, word) for word in _OPEN_ENDINGS)


def is_made_up(text: str) -> bool:
    """Whether a text is what recognisers write where nobody spoke, or one piece over and over."""
    plain = _plain(text)
    return not plain or plain in _LONE or bool(_MADE_UP.search(text)) or repeats(plain)


def repeats(text: str) -> bool:
    """Whether the same words (or four or more characters) come four times in a row, digits excepted."""
    if re.search(r"(\D{4,}?)\1{3,}", text):
        return True
    words = text.split()
    for size in (1, 2, 3):
        run = 1
        for i in range(size, len(words) - size + 1, size):
            same = words[i : i + size] == words[i - size : i] and not all(w.isdigit() for w in words[i : i + size])
            run = run + 1 if same else 1
            if run >= REPEATS:
                return True
    return False


def similar(one: str, other: str) -> bool:
    """Whether two texts are the same but for spaces, case and punctuation, or one word in five."""
    a, b = units(one), units(other)
    if not a or not b:
        return False
    return _distance(a, b) <= max(len(a), len(b)) // 5


def is_echo(heard: str, spoken: str) -> bool:
    """Whether what was heard is a piece of what the bot was saying: its own voice, come back by the loudspeaker."""
    a, b = units(heard), units(spoken)
    if len(a) < 3 or len(b) < len(a):
        return False
    allowed = len(a) // 4
    return any(_distance(a, b[i : i + len(a)]) <= allowed for i in range(len(b) - len(a) + 1))


def units(text: str) -> list[str]:
    """What word errors are counted in: Chinese characters one by one, other words as a whole, in small letters."""
    found: list[str] = []
    for word in _plain(text).split():
        latin = ""
        for char in word:
            if CJK.match(char):
                if latin:
                    found.append(latin)
                found.append(char)
                latin = ""
            else:
                latin += char
        if latin:
            found.append(latin)
    return found


def distance(one: str, other: str) -> int:
    """Insertions, deletions and replacements between the units of two texts."""
    return _distance(units(one), units(other))


def _plain(text: str) -> str:
    return " ".join(part for part in _SPLIT.split(text.lower().replace("’", "'")) if part.strip("-'"))


def _leading(text: str, words: tuple[str, ...]) -> str | None:
    """What is left of a text after one of the words at its beginning, or None."""
    for word in sorted(words, key=len, reverse=True):
        if text == word:
            return ""
        if text.startswith(word) and (CJK.match(word[-1]) or not text[len(word)].isalnum()):
            return text[len(word) :].lstrip(" -")
    return None


def _ends_with(text: str, word: str) -> bool:
    if not text.endswith(word):
        return False
    before = text[: -len(word)]
    return not before or bool(CJK.match(word[0])) or not before[-1].isalnum()


def _trailing_digits(plain: str) -> bool:
    """Half a mobile number: it begins like one, and some of its eleven digits are still to come."""
    match = re.search(r"[\d\s-]+$", plain)
    digits = re.sub(r"\D", "", match.group()) if match else ""
    return bool(re.fullmatch(r"1[3-9]\d{1,8}", digits))


def _distance(a: list[str], b: list[str]) -> int:
    row = list(range(len(b) + 1))
    for i, left in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, right in enumerate(b, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (left != right))
    return row[-1]
