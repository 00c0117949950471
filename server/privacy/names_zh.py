"""Names in Chinese: with a title, after a label, or where somebody says who they are."""

import re
from collections.abc import Iterator, Sequence

from server.privacy.spans import Span, is_beside
from server.privacy.words import (
    COMPOUND,
    FOLLOWS_NAME,
    NO_GIVEN_NAME,
    NO_NAME_AFTER_BE,
    NO_NAME_BEFORE_TITLE,
    NO_NAME_EN,
    OTHER_NAMES,
    RARE,
    SHORT_TITLES,
    SURNAMES,
    TITLES,
)

_HAN = re.compile(r"[\u4e00-\u9fff]")
_MAX_GIVEN = 2

_WORDS_LIKE_NAMES = tuple(word for word in NO_NAME_AFTER_BE if len(word) > 1)
_TITLE = re.compile("|".join(sorted(TITLES, key=len, reverse=True)))
_SHORT_TITLE = re.compile(f"[{''.join(SHORT_TITLES)}]")
# What stands right before a surname that has a title: the sentence around it, or the beginning of the line.
_BEFORE_SHORT = re.compile(r"(?:^|[^\u4e00-\u9fff]|[找请叫让是问跟和给的对有问])$")
_STRONG = re.compile(
    r"(?:(?<=[,，。 ])叫做?|我(?:的)?(?:真)?名字?(?:叫做?|是)|我(?:的)?(?:大名|全名|本名)(?:叫|是)?|"
    r"(?:我|俺|咱|他|她|老公|老婆|爱人|妈妈?|爸爸?|母亲|父亲|孩子|儿子|女儿|丈夫|妻子|朋友|"
    r"同事|哥哥?|姐姐?|弟弟?|妹妹?|本人|机主|户主|客户)(?:名字)?叫做?|名字?叫做?|(?:真实|本人|机主|户主|开户人|收件人|客户|用户|联系人|持卡人)?姓名|名字(?:是|[:：])|"
    r"我(?:的)?名字(?=[\u4e00-\u9fff]{2,3}(?:$|[,，。!！]))|鄙人(?![是姓有在想要的不就也])|免贵姓|(?<![百贵老])姓(?!名|氏|什|啥)|"
    r"(?:联系人|收件人|收货人|寄件人|机主|户主|户名|开户人|申请人|经办人|代办人|投诉人|报修人|签收人|担保人|持卡人|办理人|预约人|登记人|使用人|"
    r"承办人|付款人|受理人|受益人|被保人|紧急联系人|监护人|法人|实名登记|登记的?名字|实名人|抬头|署名|落款|名下是))"
    r"(?:的?(?:名字|姓名))?(?:\s|[:：,，]|是|为|叫|的是|写的?是?|填的?是?)*"
)
_WEAK = re.compile(
    r"(?:(?:我|这里|这边)就?是|本人|鄙人|在下|我系|名字|车主|(?i:\bI am|\bI'm|name is|name:|this is))\s?[:：,，]?\s?",
    re.ASCII,
)
_ROLE = re.compile(
    r"(?:客户|用户|房东|租客|业主|机主|老板|同事|朋友|老公|老婆|爱人|丈夫|妻子|代表|投诉员?|员工|客服|师傅|经理|快递员|店员|营业员|业务员|工程师|主管|专员|店长|组长|学生|老师|联系|转告|通知)"
)
_NICK = re.compile(
    r"(?:叫我|称呼我|我是|喊我|快递员|业务员|营业员|客服|师傅)(?P<name>[小老阿](?P<surname>[\u4e00-\u9fff]))(?=就|吧|好了|即可|说|给我|昨|的|[,，。!！]|$)"
)
_CALLED_OTHERWISE = re.compile(
    r"(?:什么|啥|不|人|了|他|她|你|您|过|来|车|外卖|师傅|个|它|这|那|我|错|是|不是|怎|写|填|可以|能|改|有|没|和|与|或|跟|也|都|要|对|同|一样|"
    r"修|技术|保安|物业|快递|滴滴|出租|在|信息|资料|变更|过户|登记|错误|更改|核对|必须|需|填写|登记人|本|哪|谁|多|电话|手机|号|证|地址|身份|"
    r"名称|一致|请|吗|呢|吧|的|去|到|就|还|被|把|给|让|已|因|上|下|先生|女士|变|换|不|发生|实名|里|栏|处|重|显示|后|前|用|去世|很|特别|太)"
)
_OWN_NAME = re.compile(r"(?P<name>[\u4e00-\u9fff]{2,8}(?:·[\u4e00-\u9fff]{1,8}){0,3})(?=$|[^\u4e00-\u9fff·])")
_LATIN_NAME = re.compile(r"(?P<name>[A-Z][A-Za-z'-]+(?:[ ·][A-Z][A-Za-z'-]+){0,3})")
_LATIN_NO_NAME = frozenset(
    [
        "VIP",
        "APP",
        "iPhone",
        "Android",
        "Pro",
        "SIM",
        "eSIM",
        "USB",
        "TV",
        "WIFI",
        "WiFi",
        "Wi-Fi",
        "OK",
        "Apple",
        "Huawei",
        "HUAWEI",
        "IP",
        "PC",
        "QQ",
        "ID",
        "MAC",
        "Windows",
        "Mac",
        "IOS",
        "iOS",
    ]
)
_ENDS = re.compile(r"$|[^\u4e00-\u9fff]")
_GREETED = re.compile(r"(?:[你您]好|^喂)[,，!！\s]{0,2}")
_THIS_SIDE = re.compile(r"这[边里]")
# 王 小明, as it is written in forms.
_SPACED_GIVEN = re.compile(r"\s(?P<given>[\u4e00-\u9fff]{1,2})(?=$|[^\u4e00-\u9fff])")


def find(text: str) -> Iterator[Span]:
    """Names in Chinese text."""
    yield from _titled(text)
    for match in _STRONG.finditer(text):
        yield from _after_strong(text, match)
    for match in _WEAK.finditer(text):
        end = _name_at(text, match.end(), weak=True)
        if end:
            yield Span(match.end(), end, "NAME")
        elif not match[0].isascii() and (latin := _LATIN_NAME.match(text, match.end())) and _is_latin(latin["name"]):
            yield Span(*latin.span("name"), "NAME")
    for match in _ROLE.finditer(text):
        # A role says little, so that the whole must look like a name: surname, given name, and something that goes on.
        end = _name_at(text, match.end(), weak=True, least_given=1)
        if end:
            yield Span(match.end(), end, "NAME")
        own = _OWN_NAME.match(text, match.end())
        if own and text.startswith(OTHER_NAMES, match.end()):
            yield Span(*own.span("name"), "NAME")
    for match in _GREETED.finditer(text):
        end = _name_at(text, match.end(), weak=True)
        if end and _THIS_SIDE.match(text, end):
            yield Span(match.end(), end, "NAME")
    for match in _NICK.finditer(text):
        if match["surname"] in SURNAMES:
            yield Span(*match.span("name"), "NAME")


def _after_strong(text: str, match: re.Match[str]) -> Iterator[Span]:
    at = match.end()
    if match[0].startswith(("姓", "免贵姓")) and "姓名" not in match[0]:
        for surname in COMPOUND:
            if text.startswith(surname, at):
                yield Span(at, at + len(surname), "NAME")
                return
        if text[at : at + 1] in SURNAMES and at < len(text):
            yield Span(at, at + 1, "NAME")
        return
    own = _OWN_NAME.match(text, at)
    if own and (text.startswith(OTHER_NAMES, at) or "·" in own["name"]):
        yield Span(*own.span("name"), "NAME")
        return
    end = _name_at(text, at, weak=False)
    if end:
        spaced = _SPACED_GIVEN.match(text, end)
        is_surname = text[at:end] in SURNAMES or text[at:end] in COMPOUND
        if is_surname and spaced and not spaced["given"].startswith((*FOLLOWS_NAME, *TITLES)):
            end = spaced.end()
        yield Span(at, end, "NAME")
        return
    latin = _LATIN_NAME.match(text, at)
    if latin and _is_latin(latin["name"]):
        yield Span(*latin.span("name"), "NAME")
        return
    calls = re.search(r"叫做?\s?$|名字?是?[:：]?\s?$|姓名[:：\s是]*$", match[0])
    if own and calls and not _CALLED_OTHERWISE.match(text, at):
        yield Span(*own.span("name"), "NAME")


def _name_at(text: str, at: int, *, weak: bool, least_given: int = 0) -> int | None:
    """Where the name that begins at ``at`` ends; None where there is none."""
    surname = next((one for one in COMPOUND if text.startswith(one, at)), text[at : at + 1])
    if not surname or (len(surname) == 1 and surname not in SURNAMES):
        return None
    if weak and ((surname in RARE) or any(_is_word(text, at, one) for one in NO_NAME_AFTER_BE)):
        return None
    if not weak and _CALLED_OTHERWISE.match(text, at) and surname in RARE:
        return None
    begin = at + len(surname)
    given = 0
    while given < _MAX_GIVEN and _HAN.match(text, begin + given) and text[begin + given] not in NO_GIVEN_NAME:
        if text.startswith(TITLES, begin + given):
            break
        given += 1
    for length in range(given, 0, -1):
        end = begin + length
        if _ENDS.match(text, end) or text.startswith(FOLLOWS_NAME, end):
            return end
    if not weak and given == 0 and (_ENDS.match(text, begin) or text.startswith(tuple(TITLES), begin)):
        return begin
    if not weak and given and not least_given:
        return begin + given
    return None


def _is_word(text: str, at: int, word: str) -> bool:
    if not text.startswith(word, at):
        return False
    # One character alone is a word only where nothing that could be a given name follows.
    return len(word) > 1 or not _HAN.match(text, at + 1) or text[at + 1] in NO_GIVEN_NAME


def _titled(text: str) -> Iterator[Span]:
    for match in _TITLE.finditer(text):
        start = _surname_before(text, match.start())
        other = _OTHER_BEFORE.search(text, max(0, match.start() - _MAX_OTHER), match.start())
        if other:
            yield Span(other.start(), match.start(), "NAME")
        elif start is not None:
            nick = start == match.start() - 1 and _NICK_BEFORE.search(text, 0, start)
            yield Span(start - 1 if nick else start, match.start(), "NAME")
    for match in _SHORT_TITLE.finditer(text):
        at = match.start()
        after = text[at + 1 : at + 2]
        if after and after in SHORT_TITLES[match[0]]:
            continue
        surname = text[at - 1 : at] if at else ""
        is_surname = surname in SURNAMES and surname not in RARE and surname not in "施高连任"
        if is_surname and _BEFORE_SHORT.search(text[max(0, at - 2) : at - 1]):
            yield Span(at - 1, at, "NAME")


_MAX_OTHER = 8
# 小胡师傅, 老陈先生; not 大小王 or 不小李.
_NICK_BEFORE = re.compile(r"(?<![大不最很太])[小老]$")
_OTHER_BEFORE = re.compile(rf"(?:{'|'.join(OTHER_NAMES)})[\u4e00-\u9fff·]{{0,6}}$")
_BEFORE_TITLE_NO = {"任": "主责", "管": "主", "班": "领", "户": "客", "师": "老律"}
_LEADS_TO_NAME = re.compile(
    r"(?:^|[^\u4e00-\u9fff]|[我你您他她是找叫请让给跟和与到问的对为由在说以被把向]|联系|客户|用户|朋友|同事|机主|户主|客服|老公|老婆|投诉|这里|收件人|联系人|经办人|感谢|谢谢|房东|业主|"
    r"你好|您好|通知|转告|转给|拜托|麻烦|已经|昨天|今天|上次|刚才|部门?|店的?|公司)$"
)


def _surname_before(text: str, at: int) -> int | None:
    """Where the name that ends at ``at``, before a title, begins."""
    if text.endswith(NO_NAME_BEFORE_TITLE, 0, at):
        return None
    for surname in COMPOUND:
        for given in range(_MAX_GIVEN + 1):
            start = at - len(surname) - given
            if text[max(0, start - 1) : start + 1] == "房东":
                continue
            if start >= 0 and text.startswith(surname, start) and all(map(_HAN.match, text[start + len(surname) : at])):
                return start
    found = None
    for given in range(_MAX_GIVEN, -1, -1):
        start = at - 1 - given
        if start < 0 or text[start] not in SURNAMES or not _is_given(text[start + 1 : at]):
            continue
        before = text[:start]
        if given == 0:
            if text[start] in RARE and not _LEADS_TO_NAME.search(before[-4:]):
                continue
            if before[-1:] and before[-1] in _BEFORE_TITLE_NO.get(text[start], ""):
                continue
            return start
        if text.startswith(_WORDS_LIKE_NAMES, start):
            continue
        if text[start] not in RARE and _LEADS_TO_NAME.search(before[-4:]):
            found = start
            break
    return found


def _is_given(text: str) -> bool:
    return all(_HAN.match(one) and one not in NO_GIVEN_NAME for one in text)


def _is_latin(name: str) -> bool:
    first = name.split(maxsplit=1)[0]
    return first not in _LATIN_NO_NAME and first.lower() not in NO_NAME_EN and len(first) > 1


_ALONE = re.compile(
    r"(?:^|(?<=[\s,，、;；:：/|()（）。]))(?P<name>[\u4e00-\u9fff]{2,4}?)(?=$|收?[\s,，、;；/|()（）。]|收$)"
)
_MAN_OR_WOMAN = re.compile(r"[\s,，]{1,2}[男女](?=$|[\s,，。])")
_NICK_ALONE = re.compile(
    r"(?:^|[\s,，、:：]|转给|联系|通知|找|给)(?P<name>[小老](?P<surname>[\u4e00-\u9fff])|阿(?![姨公婆爸妈姐哥弟伯里])[\u4e00-\u9fff])"
    r"(?=$|[\s,，、:：])"
)
_NAMED_OWNER = re.compile(r"(?P<name>(?<![\u4e00-\u9fff])[\u4e00-\u9fff]{3}|[\u4e00-\u9fff]{2})(?=名下)")


def beside(text: str, known: Sequence[Span]) -> Iterator[Span]:
    """Names that stand alone next to other personal data, as in a delivery note: 陈静，13800138000."""
    for match in _ALONE.finditer(text):
        name = match["name"]
        surname = name[:2] if name[:2] in COMPOUND else name[0]
        if len(name) - len(surname) > _MAX_GIVEN or not _has_surname(name) or not _is_given(name[len(surname) :]):
            continue
        named = is_beside(text, match.span("name"), known) or _MAN_OR_WOMAN.match(text, match.end())
        if len(name) > len(surname) and named:
            yield Span(*match.span("name"), "NAME")
    for match in _NICK_ALONE.finditer(text):
        fits = match["surname"] is None or (match["surname"] in SURNAMES and match["surname"] not in RARE)
        if fits and is_beside(text, match.span("name"), known):
            yield Span(*match.span("name"), "NAME")
    for match in _NAMED_OWNER.finditer(text):
        if _has_surname(match["name"]) and _is_given(match["name"][1:]):
            yield Span(*match.span("name"), "NAME")


def _has_surname(name: str) -> bool:
    if name[:2] in COMPOUND:
        return True
    return name[0] in SURNAMES and name[0] not in RARE and not name.startswith(_WORDS_LIKE_NAMES)
