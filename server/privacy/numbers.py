"""Telephone numbers, identity numbers and bank cards."""

import re
from collections.abc import Callable, Iterator

import phonenumbers

from server.privacy.checks import is_bank_card, is_hong_kong_id, is_id_card, is_taiwan_id
from server.privacy.spans import Span

# A label right before a number says what it is; these are no personal numbers, whatever they look like.
_OTHER_NUMBER = re.compile(
    r"(?:订单|单号|工单|流水|交易|运单|序列|串号|设备|编号|编码|批次|批号|合同|发票|代码|税号|激活码|验证码|兑换码|邀请码|券码|订购号|"
    r"错误码?|故障码?|错误代码|时间戳|金额|充值|余额|IMEI\d?|IMSI|ICCID|EID|MEID|SN|S/N|MAC|SIM卡号|UUID|"
    r"order|ticket|tracking|serial|transaction|invoice|timestamp|reference|ref|request|device|error(?: code)?|code|"
    r"contract|parcel|shipment|waybill|case|build|amount|barcode|SKU|版本号?|固件|version|firmware|release)"
    r"(?:\s|[:：#号码码是为]|id|no\.?|number|num|is|was|=|\()*$",
    re.IGNORECASE,
)
_MONEY_AFTER = re.compile(
    r"\s?(?:元|块|CNY|RMB|USD|美元|人民币|bytes?|ms\b|[KMGT]?B\b|\.\d|,\d{3}(?!\d))", re.IGNORECASE
)
_MONEY_BEFORE = re.compile(r"[¥$€£]\s?$")
_LABEL_REACH = 24

# ---- telephone

_MOBILE = re.compile(
    r"(?<![\d.])(?:\(?(?:\+|00)?\(?86\)?[\s.-]{0,3})?1[\s.·_/-]{0,3}[3-9](?:[\s.·_/-]{0,3}\d){9}(?!\d)"
)
_EXTENSION = r"(?:\s{0,2}(?:-|转接?|分机号?|转分机|\(?ext\.?|extension|#|x)\s{0,2}(?:分机|:)?\s{0,2}\d{1,6}\)?)?"
_LANDLINE = re.compile(
    r"(?<![\d.])(?:(?:\+|00)?86[\s-]{0,2})?\(?0?(?P<area>10|2\d|[3-9]\d{2})\)?[\s-]{0,2}(?P<local>[2-8]\d{2,3}["
    r"\s-]?\d{4})"
    r"(?!\d)" + _EXTENSION + r"(?!\d)",
    re.IGNORECASE,
)
_FOREIGN = re.compile(r"(?<!\d)(?:\+|00)[1-9](?:[\s().-]{0,2}\d){6,14}(?!\d)" + _EXTENSION, re.IGNORECASE)
_NATIONAL = re.compile(r"(?<![\d.-])(?P<number>0\d{1,4}(?:[\s-]\d{3,8}){1,3})(?![\d-])")
_AMERICAN = re.compile(
    r"(?<![\d.-])(?:\+?1[\s.-])?(?:\([2-9]\d{2}\)\s?|[2-9]\d{2}[\s.-])[2-9]\d{2}[\s.-]\d{4}(?![\d-]|\.\d)" + _EXTENSION,
    re.IGNORECASE,
)
_TOLL_FREE = ("400", "800", "833", "844", "855", "866", "877", "888")
_TOLL_FREE_WRITTEN = re.compile(r"1[\s.-]8\d\d[\s.-]\d{3}[\s.-]\d{4}$")
_LOCAL = re.compile(
    r"(?:座机|固话|固定电话|家里?电话|家庭电话|公司电话|单位电话|办公室?电话|联系电话|电话号码?|传真|"
    r"区号\s?[:：是]?\s?0\d{2,3}|landline|home phone|"
    r"office phone|telephone|phone(?: number)?|tel|fax)"
    r"(?:\s|[:：是为,，号码]|number|no\.?|is)*(?P<number>[2-9]\d{2,3}[\s-]?\d{4})(?!\d|[.-]\d)" + _EXTENSION,
    re.IGNORECASE,
)
_HONG_KONG_LOCAL = re.compile(
    r"(?:香港|澳门|Hong Kong|Macau|HK)\D{0,16}?(?P<number>[2-9]\d{3}[\s-]?\d{4})(?!\d)", re.IGNORECASE
)
_COUNTRIES_OF_NATIONAL = ("CN", "GB", "AU", "TW", "JP", "DE", "FR")
_NATIONAL_TOGETHER = re.compile(
    r"(?:phone|mobile|cell|call|text|tel|number|电话|手机|号码)(?:\s|[:：是为]|me|on|at|is|no\.?|"
    r"number)*(?P<number>0\d{9,10})(?!\d)",
    re.IGNORECASE,
)
_HONG_KONG = re.compile(r"(?<![\d.-])85[23][\s-][5679]\d{3}[\s-]?\d{4}(?!\d)")
_HOTLINE = re.compile(r"\(?0\d{2,3}\)?[\s-]?(?:9[56]\d{3,4}|1\d{4})$")

# ---- documents

_ID_18 = re.compile(r"(?<!\d)[1-689](?:[\s._-]{0,2}\d){16}[\s._-]{0,2}[\dXx](?!\d)")
_ID_15 = re.compile(r"(?<![\d.])[1-68]\d{5}(?P<between>[\s-]?)\d{6}(?P=between)\d{3}(?![\d.])")
_ID_LABELLED = re.compile(
    r"(?:身份证件?|居民证|居住证|永居证|identity card|\bID card|national ID|resident ID|\bID (?:number|no))"
    r"(?:\s|[:：,，是为号码#]|number|no\.?|is)*(?P<number>\d{17}[\dXx]|\d{15})(?![\dA-Za-z])",
    re.IGNORECASE,
)
_HKID = re.compile(r"(?<![A-Za-z0-9])(?P<letters>[A-Z]{1,2})\s?(?P<digits>\d{6})\s?\((?P<check>[0-9Aa])\)")
_HKID_LABELLED = re.compile(
    r"(?:香港身份证|香港居民身份证|HKID(?: card)?|Hong Kong (?:ID|identity)(?: card)?)"
    r"(?:\s|[:：是为号码]|number|no\.?|is)*(?P<number>[A-Z]{1,2}\d{6}\(?[0-9A]\)?)(?![0-9A-Za-z])",
    re.IGNORECASE,
)
_OTHER_ID = re.compile(
    r"(?:澳门\S{0,4}身份证|Macau ID)(?:\s|[:：是为号码]|number|no\.?|is)*(?P<macau>[157]\d{6}\(?\d\)?)(?![0-9])|"
    r"(?<![A-Za-z0-9])(?P<taiwan>[A-Z][12]\d{8})(?![0-9A-Za-z])",
)
_TAIWAN_WORDS = re.compile(r"身份证|身份證|证件|台湾|\bID\b|Taiwan", re.IGNORECASE)
_CARD = re.compile(r"(?<![\d.])\d(?:[\s._-]?\d){12,18}(?![\d]|\.\d)")
_CARD_LABELLED = re.compile(
    r"(?:银行卡|信用卡|借记卡|储蓄卡|bank card|credit card|debit card)(?:\s|[:：,，是为号码]|number|no\.?|is)*"
    r"(?P<number>\d(?:[\s._-]?\d){14,18})(?!\d)",
    re.IGNORECASE,
)

# ---- digits in words

_ZH_DIGITS = {character: digit for digit, written in enumerate(
    ("零〇洞", "一幺么妖壹", "二两贰", "三叁", "四肆", "五伍", "六陆", "七拐柒", "八捌", "九勾玖")
) for character in written}  # fmt: skip
_ZH_DIGIT = f"[0-9{''.join(_ZH_DIGITS)}]"
_ZH_RUN = re.compile(rf"{_ZH_DIGIT}(?:[\s,，、.。·-]{{0,2}}{_ZH_DIGIT}){{9,18}}")
_LEAST_WRITTEN_OUT = 3
_EN_DIGITS = {
    "zero": "0", "oh": "0", "o": "0", "nought": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5",
    "six": "6", "seven": "7", "eight": "8", "nine": "9",
}  # fmt: skip
_EN_TIMES = {"double": 2, "triple": 3, "treble": 3}
_EN_WORD = r"(?:zero|oh|o|nought|one|two|three|four|five|six|seven|eight|nine|double|triple|treble|\d)"
_EN_RUN = re.compile(rf"\b{_EN_WORD}(?:[\s,.-]{{1,3}}{_EN_WORD}){{6,18}}\b", re.IGNORECASE)
_PLAIN_MOBILE = re.compile(r"(?:0{0,2}86)?1[3-9]\d{9}")
_PLAIN_LANDLINE = re.compile(r"0(?:10|2\d|[3-9]\d{2})[2-8]\d{6,7}")


def phones(text: str) -> Iterator[Span]:
    """Mobile and landline numbers in digits, Chinese, Hong Kong and foreign ones; no hotlines, no short numbers."""
    for pattern, fits in _PHONES:
        for match in pattern.finditer(text):
            if fits(match) and _free(text, *match.span()):
                yield Span(*_trimmed(text, match), "PHONE")
    for match in _NATIONAL_TOGETHER.finditer(text):
        if _is_national(match):
            yield Span(*match.span("number"), "PHONE")
    for pattern in (_LOCAL, _HONG_KONG_LOCAL):
        for match in pattern.finditer(text):
            if not _MONEY_AFTER.match(text, match.end()):
                yield Span(match.start("number"), match.end(), "PHONE")


def id_cards(text: str) -> Iterator[Span]:
    """Identity numbers of the mainland with 18 and 15 digits, and those of Hong Kong, Macau and Taiwan.

    With a label right before it a number counts even where the check digit is wrong: a slip of the finger does not
    make it anybody else's.
    """
    for match in _ID_18.finditer(text):
        if is_id_card(_bare(match[0])) and not _is_other(text, match.start()):
            yield Span(*match.span(), "ID_CARD")
    for match in _ID_15.finditer(text):
        if is_id_card(_bare(match[0])) and not _is_other(text, match.start()) and not _in_word(text, *match.span()):
            yield Span(*match.span(), "ID_CARD")
    for pattern in (_ID_LABELLED, _HKID_LABELLED):
        for match in pattern.finditer(text):
            yield Span(*match.span("number"), "ID_CARD")
    for match in _HKID.finditer(text):
        if is_hong_kong_id(match["letters"] + match["digits"] + match["check"].upper()):
            yield Span(*match.span(), "ID_CARD")
    for match in _OTHER_ID.finditer(text):
        if match["macau"]:
            yield Span(*match.span("macau"), "ID_CARD")
        elif is_taiwan_id(match["taiwan"]) and _TAIWAN_WORDS.search(text, max(0, match.start() - 16), match.start()):
            yield Span(*match.span("taiwan"), "ID_CARD")


def bank_cards(text: str) -> Iterator[Span]:
    """Card numbers whose issuer and check digit (Luhn) fit, and those that are called a card number."""
    for match in _CARD.finditer(text):
        fits = is_bank_card(_bare(match[0])) and not _is_other(text, match.start())
        if fits and not _in_word(text, *match.span()):
            yield Span(*match.span(), "BANK_CARD")
    for match in _CARD_LABELLED.finditer(text):
        yield Span(*match.span("number"), "BANK_CARD")


def spoken(text: str) -> Iterator[Span]:
    """Numbers that somebody spelled out: 幺三八…, "one three eight double zero …"."""
    for match in _ZH_RUN.finditer(text):
        digits = "".join(str(_ZH_DIGITS.get(one, one)) for one in match[0] if one in _ZH_DIGITS or one.isdigit())
        if sum(one in _ZH_DIGITS for one in match[0]) >= _LEAST_WRITTEN_OUT:
            yield from _spoken(digits, match)
    for match in _EN_RUN.finditer(text):
        yield from _spoken(_english_digits(match[0]), match)


def _spoken(digits: str, match: re.Match[str]) -> Iterator[Span]:
    if _PLAIN_MOBILE.fullmatch(digits) or _PLAIN_LANDLINE.fullmatch(digits):
        yield Span(*match.span(), "PHONE")
    elif len(digits) == 18 and is_id_card(digits):
        yield Span(*match.span(), "ID_CARD")
    elif is_bank_card(digits):
        yield Span(*match.span(), "BANK_CARD")


def _english_digits(words: str) -> str:
    digits, times = "", 1
    for word in re.findall(r"[a-z]+|\d", words.lower()):
        if word in _EN_TIMES:
            times = _EN_TIMES[word]
        else:
            digits += _EN_DIGITS.get(word, word) * times
            times = 1
    return digits


def _is_landline(match: re.Match[str]) -> bool:
    local = re.sub(r"\D", "", match["local"])
    with_zero = re.match(r"\D*(?:(?:\+|00)?86[\s-]*)?\(?0", match[0])
    international = re.match(r"(?:\+|00)86", match[0])
    if not with_zero and not international:
        return False
    # Beijing and the 2x areas have eight digits; the others seven or eight.
    return len(local) == 8 or len(match["area"]) == 3


def _is_foreign(match: re.Match[str]) -> bool:
    written = match[0]
    number = re.sub(r"(?i)\s{0,2}(?:-\d{1,3}$|转|分机|ext|x|#).*$", "", written)
    digits = "+" + re.sub(r"\D", "", number).removeprefix("00")
    try:
        parsed = phonenumbers.parse(digits)
    except phonenumbers.NumberParseException:
        return False
    kind = phonenumbers.number_type(parsed)
    # +1 800 and the like are somebody's hotline; whatever else could be dialled is somebody's number.
    free = {phonenumbers.PhoneNumberType.TOLL_FREE, phonenumbers.PhoneNumberType.SHARED_COST}
    if kind in free:
        return False
    return phonenumbers.is_possible_number(parsed) if written.startswith("+") else phonenumbers.is_valid_number(parsed)


def _is_national(match: re.Match[str]) -> bool:
    written = match["number"]
    if _HOTLINE.match(written):
        return False
    for country in _COUNTRIES_OF_NATIONAL:
        try:
            if phonenumbers.is_valid_number(phonenumbers.parse(written, country)):
                return True
        except phonenumbers.NumberParseException:
            continue
    return False


def _is_american(match: re.Match[str]) -> bool:
    return re.sub(r"\D", "", match[0]).removeprefix("1")[:3] not in _TOLL_FREE


def _is_mobile(match: re.Match[str]) -> bool:
    return not _TOLL_FREE_WRITTEN.match(match[0])


_PHONES: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], bool]], ...] = (
    (_MOBILE, _is_mobile),
    (_LANDLINE, _is_landline),
    (_FOREIGN, _is_foreign),
    (_AMERICAN, _is_american),
    (_NATIONAL, _is_national),
    (_HONG_KONG, lambda _: True),
)


def _free(text: str, start: int, end: int) -> bool:
    """Whether the number stands by itself: not labelled as something else, no amount, not part of a code."""
    if _is_other(text, start) or _MONEY_AFTER.match(text, end) or _MONEY_BEFORE.search(text, max(0, start - 3), start):
        return False
    return not _in_word(text, start, end)


_CODE_BEFORE = re.compile(r"[A-Za-z0-9_]*[A-Za-z_]$")
_LABEL_WORD = re.compile(
    r"(?:^|[^a-z])(?:tel|phone|mobile|mob|cell|call|to|at|no|number|num|is|me|on|id|card|wx|vx|v|wechat|sms|and|or|"
    r"text|dial|from|fax|ph|t|m|hi|hello|my)$",
    re.IGNORECASE,
)
_CODE_AFTER = re.compile(r"[A-Za-z_-]{0,12}\d|[A-Z]{1,4}(?![A-Za-z])|_")


def _in_word(text: str, start: int, end: int) -> bool:
    before = text[max(0, start - _LABEL_REACH) : start]
    found = _CODE_BEFORE.search(before)
    if found and not _LABEL_WORD.search(before):
        return True
    return bool(_CODE_AFTER.match(text, end)) and not text[end : end + 1].isspace()


def _is_other(text: str, start: int) -> bool:
    return bool(_OTHER_NUMBER.search(text[max(0, start - _LABEL_REACH) : start]))


def _bare(written: str) -> str:
    return re.sub(r"[\s._-]", "", written)


def _trimmed(text: str, match: re.Match[str]) -> tuple[int, int]:
    """Without a bracket that was opened before the number, or opened in it and closed after it."""
    start, end = match.span()
    if match[0].count("(") > match[0].count(")"):
        if match[0].startswith("("):
            start += 1
        elif text[end : end + 1] == ")":
            end += 1
    return start, end
