"""The word lists of the recognisers, from ``words.toml``."""

import tomllib
from pathlib import Path

_LISTS = tomllib.loads(Path(__file__).with_name("words.toml").read_text(encoding="utf-8"))


def _words(name: str) -> tuple[str, ...]:
    return tuple(_LISTS[name].split())


def _characters(name: str) -> frozenset[str]:
    return frozenset(_LISTS[name]) - {"\n"}


SURNAMES = _characters("surnames")
RARE = _characters("rare")
COMPOUND = _words("compound")
NO_GIVEN_NAME = _characters("no_given_name")
FOLLOWS_NAME = _words("follows_name")
NO_NAME_AFTER_BE = _words("no_name_after_be")
NO_NAME_BEFORE_TITLE = _words("no_name_before_title")
OTHER_NAMES = _words("other_names")
TITLES = _words("titles")
PINYIN_SURNAMES = frozenset(_words("pinyin_surnames"))
GIVEN_NAMES = frozenset(_words("given_names"))
NO_NAME_EN = frozenset(_words("no_name_en"))
NO_ACCOUNT = frozenset(_words("no_account"))
SHORT_TITLES = {
    "总": "是共计价额数体量部得会算有之结和线机要觉以监归理",
    "工": "作程单号人具资厂业行商会期地序艺",
    "姐": "妹夫",
    "哥": "们",
    "董": "事",
    "叔": "叔",
    "姨": "妈",
    "婶": "",
}
"""Titles of one character, with what makes another word of them."""
