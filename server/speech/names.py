"""Names that people say of themselves: which, how they are spelt, and how they are read back. Pure.

A name cannot be guessed from its sound. English speakers spell it ("Chen, C H E N"), Chinese speakers take its first
character apart (耳东陈: the 陈 made of 耳 and 东); what was spelt counts more than what was heard of the name itself.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from server.nlu.text import CJK
from server.speech.mandarin import sounds

EXPLAINED: Final = (
    *("耳东陈", "弓长张", "立早章", "木子李", "三横王", "三点水汪", "文刀刘", "走之赵", "口天吴", "古月胡", "双人徐"),
    *("言午许", "木易杨", "双木林", "草头黄", "人可何", "三点水江", "美女姜", "草头蒋", "干钩于", "人未余", "子小孙"),
    *("三点水沈", "宝盖宋", "草重董", "关耳郑", "两点马冯", "禾呈程", "双口吕", "西贝贾", "委鬼魏", "言身谢", "又耳邓"),
    *("口十叶", "单人任", "金中钟", "雨田雷", "止戈武", "丘山岳", "木土杜", "草办苏", "广龙庞", "木白柏"),
)
_PLAIN_SURNAMES: Final = "周朱田马高罗梁郭韩唐曹彭曾萧潘袁蔡丁卢傅崔姚范金石戴夏付方白邹孟熊秦邱侯尹薛阎段史龙陶贺顾毛郝龚邵万钱严赖覃洪莫孔汤向常温康施文牛樊葛邢安齐易乔颜倪庄聂鲁岑殷"  # noqa: E501 (one character each)
_SAID_ZH: Final = re.compile(
    r"(?:我叫|(?:我的)?名字(?:是|叫)|姓名(?:是|叫)?|机主(?:是|叫|的名字是)|我姓|(?:机主|户主|本人)姓)"
    rf"({CJK.pattern}{{1,4}}?)(?=[^\u4e00-\u9fff]|$|(?:的|我|之前|想|要|有|在))"
)
_SAID_EN: Final = re.compile(
    r"\b(?:my (?:full |last |first |family )?name(?:'s| is)|(?:account|line) (?:holder|owner) is"
    r"|under the name(?: of)?)\s+([A-Z][\w'’-]*(?: [A-Z][\w'’-]*){0,3})",
    re.IGNORECASE,
)
_LETTERS: Final = re.compile(
    r"(?P<name>\b[A-Z][a-z'’]+)?(?P<join>,?\s+(?:(?:that's|that is|it's)\s+)?(?:(?:spelled|spelt)\s*(?:as\s+)?,?\s*)?)"
    r"(?P<letters>(?:\b[A-Za-z]\b[\s.,-]+){2,}\b[A-Za-z]\b)"
)
_NAMED: Final = re.compile("[姓叫]|名字")
_LEAST_LETTERS: Final = 3


def written(text: str) -> str:
    """The text with names as they were spelt: "Chan, C H E N" becomes Chen, 我姓章，公长张 becomes 我姓张，弓长张."""
    return _LETTERS.sub(_joined, _taken_apart(text))


def told(text: str) -> tuple[str, ...]:
    """The names that somebody says are theirs, as `written` writes them."""
    chinese = (match[1] for match in _SAID_ZH.finditer(text))
    found = [name for name in chinese if name[0] in _surnames()]
    for match in _SAID_EN.finditer(text):
        words = [word for word in match[1].split() if word[0].isupper()]
        if words:
            found.append(" ".join(words).rstrip("."))
    return tuple(dict.fromkeys(found))


def explained(text: str) -> str:
    """The text as it is read back: with each name's letters, or what its first character is made of."""
    ways = []
    for name in told(text):
        if CJK.match(name):
            way = _explanations().get(name[0], "")
        else:
            way = ", ".join(" ".join(word.upper()) for word in re.findall(r"[A-Za-z]+", name))
        if way and way not in text:
            ways.append(way)
    if not ways:
        return text
    return f"{text}（{'、'.join(ways)}）" if CJK.search(text) else f"{text} ({'; '.join(ways)})"


def _joined(match: re.Match[str]) -> str:
    letters = re.findall(r"[A-Za-z]", match["letters"])
    spelt = "".join(letters).capitalize()
    if len(letters) < _LEAST_LETTERS or (match["name"] is None and "sp" not in match["join"]):
        return match.group()
    return spelt if match["name"] is not None else f" {spelt}"


def _taken_apart(text: str) -> str:
    """Explanations written right by their sound, and the surname before each of them made to agree."""
    if not _NAMED.search(text):
        return text
    chars = list(text)
    for way in EXPLAINED:
        for at in range(len(chars) - len(way) + 1):
            if not all(_alike(one, other) for one, other in zip(chars[at : at + len(way)], way, strict=True)):
                continue
            said = re.search(rf"(?:姓|叫|是)({CJK.pattern}){CJK.pattern}{{0,3}}[\s，,、。]*$", "".join(chars[:at]))
            if said is None:
                continue
            chars[at : at + len(way)] = way
            if _alike(chars[said.start(1)], way[-1]):
                chars[said.start(1)] = way[-1]
    return "".join(chars)


def _alike(one: str, other: str) -> bool:
    return one == other or bool(_rough(one) & _rough(other))


@cache
def _rough(char: str) -> frozenset[tuple[str, str]]:
    """How a character sounds to somebody who does not tell n from ng, or z from zh."""
    return frozenset((initial.removesuffix("h"), final.removesuffix("g")) for initial, final in sounds(char))


@cache
def _explanations() -> dict[str, str]:
    return {way[-1]: way for way in EXPLAINED}


@cache
def _surnames() -> frozenset[str]:
    return frozenset(_PLAIN_SURNAMES) | frozenset(_explanations())
