"""Street addresses. A house number is what makes one: a district or a road alone is where many people are."""

import re
from collections.abc import Iterator

from server.privacy.spans import Span

_HAN = "\u4e00-\u9fff"
# A number of a house, building or room.
_N = r"(?:\d{1,5}|[一二三四五六七八九十百零〇两]{1,5})"
# What no name of a place contains; everything up to the last of them is the sentence around the address.
_NO_PLACE = "的了在是我你您他她它们怎么吗呢吧啊没有要请帮给把被让和与或跟那这个些什谁哪几住寄送装搬找想说问"
# Inside the name of a building they may stand: 颐和国际.
_IN_NAMES = _NO_PLACE.replace("和", "").replace("要", "")
_ROAD = (
    rf"(?:[{_HAN}]{{1,8}}?(?:大道|大街|公路|环路|胡同|[路街道巷弄])(?:[东西南北中]{{0,1}}[一二三四五六七八九十\d]{{1,2}}[路道段巷]|"
    rf"[东西南北中](?:路|段|街)?)?)"
)
_HOUSE = (
    rf"(?:\s?[甲乙丙附]?{_N}(?:-\d{{1,4}})?\s?(?:号(?:院|楼(?![下上道梯房顶里])|[甲乙丙丁](?![方级]))?|弄|#)"
    r"(?!线|套餐|前|之前|开始|卡|码))"
)
_ESTATE = (
    r"(?:小区|花园|公寓|家园|新村|大厦|大楼|广场|中心|庭院|名苑|佳苑|宿舍|别墅|山庄|社区|工业园|产业园|科技园|软件园|校区|"
    r"国际|雅苑|嘉园|华庭|豪庭|一品|府邸|大院|里弄|[苑园城湾邸府庄居轩阁])"
)
_BUILDING = rf"(?:{_N}\s?(?:号楼|号院|号宿舍|栋|幢|座|舍(?!友)|#楼|#)|[A-Za-z]\d{{0,2}}\s?[座栋区幢])"
_UNIT = rf"(?:(?:{_N}|[甲乙丙丁东西南北中A-Za-z])\s?单元)"
_ROOM = (
    r"(?:[A-Za-z]?\d{2,4}(?:-\d{1,4}){0,2}(?![\d.%]|[元块兆GMKgmk]|\s?(?:MB|GB|Mbps))\s?(?:室|房|号房|户|号)?|"
    r"[A-Za-z]?\d{1,3}(?:-[A-Za-z]?\d{1,4}){1,3}(?![\d.%:]|[元块兆月日]|\s?(?:MB|GB|Mbps))\s?(?:室|房)?|"
    r"[一二三四五六七八九零〇十百]{2,5}\s?(?:室|房|号)?)"
)
_FLOOR = rf"(?:{_N}\s?(?:楼|层|F)(?![一-鿿]?价))"
_NAMED = (
    rf"(?:(?![{_NO_PLACE}])[{_HAN}A-Za-z]){{2,14}}?"
    rf"(?:{_ESTATE}|大学|学院|学校|医院|市场|厂|酒店|商场|写字楼|[东西南北]?{_N}?楼)"
)

# What may follow the part that was found first; a comma only before what is numbered.
_NUMBERED_PART = (
    rf"(?:{_HOUSE}|{_BUILDING}|{_UNIT}|{_FLOOR}|附{_N}号|{_N}\s?(?:号|室|房|户|梯|组|期|区)|[A-Z]室|"
    rf"[甲乙丙丁东西南北]{_N}?(?:楼|户|座|区)|[东西南北中]{{1,2}}(?:户|侧|门|单元))"
)
_NAMED_BUILDING = rf"(?![{_NO_PLACE}])[{_HAN}A-Za-z](?:(?![{_IN_NAMES}])[{_HAN}A-Za-z]){{1,9}}?{_BUILDING}"
_NEXT = re.compile(rf"\s?[-,，]?\s?{_NUMBERED_PART}|\s?(?:{_NAMED_BUILDING}|{_NAMED}(?:{_N}期)?)")
_NEXT_ROOM = re.compile(rf"\s?[-,，]?\s?{_ROOM}")
_ENDS_IN_ROOM_PLACE = re.compile(r"(?:单元|栋|幢|座|楼|层|号院|区|号|苑|园|大厦|中心|广场|国际|大学|学院|院|门|城)$")

_SENT_TO = re.compile(
    r"(?:住在?|放在?|放到|寄到?|送到?|送货到|发到|快递到|装在|安装在|搬到|移到|地址[:：是]?)\s?"
    rf"(?P<place>(?:(?![{_NO_PLACE}第])[{_HAN}]){{2,8}}\d{{1,3}}\s?(?:栋|幢|号楼))"
)
_STREET = re.compile(rf"{_ROAD}{_HOUSE}")
_INSIDE = re.compile(
    rf"{_BUILDING}\s?-?(?:{_UNIT}\s?-?(?:{_ROOM})?|{_FLOOR}\s?(?:{_ROOM})?|"
    rf"\d{{3,4}}(?:-\d{{1,4}})?(?![\d.元块兆GMK%])\s?(?:室|房)?)"
)
_ESTATE_BUILDING = re.compile(
    rf"(?:(?![{_NO_PLACE}])[{_HAN}]){{1,10}}?(?:{_ESTATE}|大学|学院)(?:\s?{_N}期)?\s?(?:[{_HAN}]{{1,3}}区)?"
    rf"\s?(?:[东西南北]{_N}?楼|{_BUILDING}|{_UNIT}|{_FLOOR})"
)
_BY_NUMBERS = re.compile(
    rf"(?<![{_HAN}])(?:(?![{_NO_PLACE}号码型])[{_HAN}]){{2,10}}\d{{1,3}}-\d{{1,2}}-\d{{3,4}}(?![\d-])"
)
_VILLAGE = re.compile(
    rf"(?:(?![{_NO_PLACE}])[{_HAN}]){{1,8}}[村屯寨庄队](?:{_N}\s?(?:组|社|队)\s?)?{_N}\s?(?:号|组|户)"
)
_LABELLED = re.compile(
    r"(?:地址|住址|寄到|寄往|送到|家住)(?:\s|[:：是为在]|改[为成到]|换[成到]|变更为|更新为|写的?是?|填的?是?|应该是|就是)*(?P<place>"
    rf"(?:[{_HAN}]{{2,9}}?(?:省|市|区|县|自治州|自治区|旗|镇|乡|街道|村|路|街|大道)\s?){{3,}}(?:[{_HAN}\d]{{0,14}}?(?:{_ESTATE}|"
    rf"\d{{1,5}}))?)"
)

# Words that lead up to an address; the last of them in what stands before is where it begins.
_LEAD = re.compile(
    r"(?:住在|住的是|住|位于|坐落|寄到|寄往|寄去|寄|送到|送至|送货到|送往|送|发到|发往|发货到|快递到|邮到|邮寄到|搬到|搬去|搬来|迁到|移到|移机到|移至|"
    r"改到|改寄到|改成|改为|换成|换到|装在|安装在|装到|装机|安装|上门|到|在|是|为|于|叫|从(?!化)|去|往|来(?!宾|安|凤)|至|"
    r"我们?(?!村)|你们?|咱们?|他们?|她们?|(?<=[我们咱你他她的老新])家(?:里|的|在|住)?|^家(?:里|在|住)?|公司(?!路)|单位|宿舍(?=[\u4e00-\u9fff]{2})|学校|老家|新房|老房子|旧房|"
    r"新家|旧家|[村店城县]里|镇上|乡下|写|填|"
    r"门牌号?|房号|收货|地址|住址|派人|师傅|麻烦|请|帮|给|把|和(?![平浩田顺静龙县政林])|跟|的|了|说|问|找|想|要|退回|收件|然后|还有|就)"
)
_PROVINCE = re.compile(
    r"北京|天津|上海|重庆|河北|山西|内蒙古|辽宁|吉林(?!路|街)|黑龙江|江苏|浙江|安徽|福建|江西|山东|河南|湖北|湖南|广东|广西|海南|四川|贵州|云南|西藏|"
    r"陕西|甘肃|青海|宁夏|新疆|香港|澳门|台湾"
)
_NAMES_A_ROAD = re.compile(r"[东西南北中]?[一二三四五六七八九十]?(?:大道|大街|[路街巷弄道])")
_REGION_SPACE = re.compile(r"[省市区县镇乡道路街旗州]$")
_MAX_LEFT = 40
_PUNCTUATION = re.compile(r"[^\u4e00-\u9fffA-Za-z0-9·\s-]")


def chinese(text: str) -> Iterator[Span]:
    """Addresses in Chinese, from the province or the road to the room."""
    found: list[tuple[int, int]] = []
    for pattern in (_STREET, _VILLAGE, _ESTATE_BUILDING, _BY_NUMBERS, _INSIDE):
        for match in pattern.finditer(text):
            start = _left(text, match.start(), match.end())
            if start is not None:
                found.append((start, _right(text, match.end())))
    for pattern in (_LABELLED, _SENT_TO):
        for match in pattern.finditer(text):
            found.append((match.start("place"), _right(text, match.end("place"))))
    yield from _joined(text, found)


# Between two parts of one address: a name that neither part took.
_JOINT = re.compile(rf"(?![和与或到至及跟移搬改转往从、])\s?(?:(?![{_IN_NAMES}])[{_HAN}A-Za-z]){{0,8}}\s?")


def _joined(text: str, found: list[tuple[int, int]]) -> Iterator[Span]:
    """The stretches, those that overlap or that only a name separates made one."""
    start = end = -1
    for one in sorted(found):
        if end >= 0 and (one[0] <= end or _JOINT.fullmatch(text, end, one[0])):
            end = max(end, one[1])
            continue
        if end >= 0:
            yield Span(start, end, "ADDRESS")
        start, end = one
    if end >= 0:
        yield Span(start, end, "ADDRESS")


def _left(text: str, start: int, end: int) -> int | None:
    """Where the address around ``text[start:end]`` begins."""
    begin = max(0, start - _MAX_LEFT)
    window = text[begin:end]
    # The number of the house is never a place to cut: look only before the last character of the name.
    digits = re.search(rf"{_N}\s?(?:号|栋|幢|座|弄|#|楼|单元|组|期)", text[start:end])
    stop = (start + digits.start() if digits else end) - begin
    at = 0
    for mark in _PUNCTUATION.finditer(window, 0, stop):
        at = mark.end()
    marked = at
    for space in re.finditer(r"\s+", window[:stop]):
        if space.end() < stop and not _REGION_SPACE.search(window[at : space.start()]):
            at = max(at, space.end())
    for province in _PROVINCE.finditer(window, marked, stop):
        # 南京路 and 北京东路 are roads anywhere.
        if not _NAMES_A_ROAD.match(window, province.end()):
            return begin + province.start()
    for lead in _LEAD.finditer(window, at, stop):
        if lead.end() < stop or (digits and digits.start() == lead.end() + begin - start):
            at = max(at, lead.end())
    if at >= stop and not (digits and digits.start() + start - begin >= at):
        return None
    # ASCII words right before a Chinese address belong to the sentence.
    rest = re.match(r"[\s·-]*(?:[A-Za-z]+\s+)*[\s-]*", window[at:])
    at += rest.end() if rest else 0
    found = begin + at
    return found if found < end else None


def _right(text: str, end: int) -> int:
    """Where the address that has been read up to ``end`` ends."""
    while True:
        match = _NEXT.match(text, end)
        if match is None and _ENDS_IN_ROOM_PLACE.search(text[max(0, end - 4) : end]):
            match = _NEXT_ROOM.match(text, end)
        if match is None or match.end() == end:
            return end
        end = match.end()


# ---- English

_STREET_WORDS = (
    r"(?:Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Dr|Boulevard|Blvd|Way|Court|Ct|Place|Pl|Terrace|Square|Sq|Crescent|"
    r"Cres|Close|Highway|Hwy|Parkway|Pkwy|Circle|Cir|Row|Gardens|Walk|Quay|Alley|Mews|Grove|Hill|View|Lu|Jie|Dadao|"
    r"Dajie|"
    r"Xiang|Hutong|Nong|Esplanade|Trail|Loop)"
)
_WORD = r"[A-Z][A-Za-z'-]*\.?|\d{1,3}(?:st|nd|rd|th)"
_ROAD_NAME = (
    rf"(?:(?:{_WORD})\s+){{1,4}}?{_STREET_WORDS}\b\.?(?:\s+(?:{_STREET_WORDS})\b\.?)?"
    r"(?:\s(?:N|S|E|W|NW|NE|SW|SE|North|South|East|West|Central)\b\.?)?(?:\s\d{1,2}(?=$|[,;.]))?"
)
_HOUSE_NUMBER = r"(?:No\.?\s?|#)?\d{1,5}(?:[-/]\d{1,4})?[A-Za-z]?"
_STREET_EN = rf"(?<![A-Za-z0-9_.-]){_HOUSE_NUMBER},?\s+{_ROAD_NAME}"
_FOREIGN_STREET = (
    r"(?<![A-Za-z0-9_.-])\d{1,4},?\s+(?:bis\s+)?(?:[Rr]ue|[Vv]ia|[Cc]alle|[Aa]venida|[Pp]lace|[Bb]oulevard)\s+"
    r"(?:(?:de|la|du|des|del|di|le)\s+){0,3}[A-Z]\w+"
)
_LOWER_STREET = (
    rf"(?i:(?:live at|lives at|live on|living at|address is|address:|deliver(?:y)? to|ship(?: it)? to|send(?: it)? to|"
    rf"located at|moved to|move to|moving to|come to|house is at|home is at|stay at|i'm at|i am at|we're at|"
    rf"we are at)\s+)"
    rf"(?P<lower>(?i:{_HOUSE_NUMBER},?\s+(?:[a-z'-]+\s+){{1,3}}?{_STREET_WORDS}\b\.?))"
)
_SUBUNIT = (
    r"(?i:(?:Room|Rm\.?|Unit|Apt\.?|Apartment|Flat|Suite|Ste\.?|Building|Bldg\.?|Block|Blk|Tower|House|Floor|Fl\.?|"
    r"Villa|Dorm|Lane)"
    r"(?:\s?(?:No\.?|\#))?)\s?(?-i:#?(?:\d{1,5}[A-Za-z]?|[A-Z]\d{0,3}|\d{1,3}-\d{1,4}))\b(?:\s?/F)?|"
    r"\d{1,3}(?:st|nd|rd|th)\s(?:[Ff]loor)|\d{1,3}/F\b|\d{1,3}-\d{1,4}(?:-\d{1,4})?(?=,?\s(?:Building|Block|Tower|"
    r"Unit))|#\d{1,3}-\d{1,4}"
)
_NOT_IN_PLACE = (
    r"(?!(?:Please|I|I'm|My|The|And|Call|Thanks?|Thank|He|She|We|It|Its|You|Phone|Tel|Mobile|Email|Name|Mr|Mrs|Ms|"
    r"Dr|But|So|Can|"
    r"Could|When|Where|What|This|That|There|Which|If|Order|Ticket|Number|Contact|Attn|ID|QQ|WeChat|Error|Passport|"
    r"Card)\b)"
)
_TOWN = (
    rf"{_NOT_IN_PLACE}[A-Z][A-Za-z'.-]+(?:\s{_NOT_IN_PLACE}[A-Z][A-Za-z'-]+){{0,3}}"
    r"(?:\s(?:[A-Z]{2}\s)?\d{5,6}(?:-\d{4})?|\s[A-Z]{1,2}\d[A-Z\d]?\s?\d[A-Z]{2})?(?![\w@])"
)
_POSTCODE = r"(?:[A-Z]{2}\s)?\d{5,6}(?:-\d{4})?\b(?!\d)|[A-Z]{1,2}\d[A-Z\d]?\s\d[A-Z]{2}\b"
_PART = rf"(?:{_SUBUNIT}|{_STREET_EN}|{_FOREIGN_STREET}|{_ROAD_NAME}|{_TOWN}|{_POSTCODE})"
_ENGLISH = re.compile(
    rf"(?:{_STREET_EN}|{_FOREIGN_STREET}|(?<![A-Za-z0-9_.-])(?:\d{{1,5}}[A-Z]?,?\s(?:[A-Z][A-Za-z'-]+\s){{0,3}}"
    rf"(?=Tower|Building|Block))?(?:{_SUBUNIT})(?:,\s?|\s|\s?-\s?)(?:of\s)?"
    rf"(?:{_SUBUNIT}|{_STREET_EN}|(?<=,\s){_ROAD_NAME}|(?<=,\s){_NOT_IN_PLACE}[A-Z][A-Za-z'-]+(?:"
    rf"\s[A-Z][A-Za-z'-]+){{0,2}}\s(?:Building|Tower|Plaza|Garden|Gardens|"
    rf"Centre|Center|Mansion|House|Court|Apartments?|Residence|Village|Community|Compound|Dormitory|University|Hotel)))"
    rf"(?:,\s?{_PART}|\s(?:{_SUBUNIT}))*(?:\s(?:{_POSTCODE}))?"
)
_LOWER = re.compile(rf"{_LOWER_STREET}(?P<rest>(?:,\s?{_PART}|\s(?:{_SUBUNIT}))*)")
_NUMBERED = re.compile(
    rf"(?<![A-Za-z0-9_])(?:\d{{2,5}}[A-Z]?,\s)?No\.?\s?\d{{1,5}},?\s(?:(?:Lane|Alley|Long)\s\d{{1,5}},?\s)?{_ROAD_NAME}(?:,\s?{_PART})*"
)
_LOWER_ALONE = re.compile(
    r"(?<![A-Za-z0-9_.-])(?P<lower>(?:(?:apt|apartment|unit|flat|room|suite)\s[0-9a-z]{1,5},?\s)?\d{2,5}\s(?!hours?|"
    r"days?|times?|way|main\sstreets)[a-z']{3,}(?:\s[a-z']{3,})?"
    r"\s(?:street|st|road|rd|avenue|ave|lane|drive|blvd|boulevard|court|terrace))(?P<rest>,?\s(?:apt|apartment|unit|"
    r"flat|suite)\s[0-9a-z]{1,5})?(?=$|[,.;])"
)
_PO_BOX = re.compile(r"\bP\.?\s?O\.?\s?Box\s\d{1,6}\b", re.IGNORECASE)
_STREET_STOPS = re.compile(
    r"(?i)^\d+[a-z]?,?\s+(?:way|hours?|days?|times?|minutes?|weeks?|months?|years?|main streets)\b"
)


def english(text: str) -> Iterator[Span]:
    """Addresses in English: a house and its street, or a room and its building."""
    for pattern in (_ENGLISH, _NUMBERED, _PO_BOX):
        for match in pattern.finditer(text):
            if not _STREET_STOPS.match(match[0]):
                yield Span(match.start(), _without_stop(text, *match.span()), "ADDRESS")
    for match in _LOWER_ALONE.finditer(text):
        yield Span(*match.span(), "ADDRESS")
    for match in _LOWER.finditer(text):
        if not _STREET_STOPS.match(match["lower"]):
            yield Span(match.start("lower"), _without_stop(text, match.start("lower"), match.end()), "ADDRESS")


_ABBREVIATION = re.compile(r"\b(?:St|Rd|Ave|Ln|Dr|Blvd|Pl|Sq|Hwy|Ct|Apt|Cres|Cir|Pkwy|NW|NE|SW|SE)\.$")


def _without_stop(text: str, start: int, end: int) -> int:
    while end > start and text[end - 1] in ".,- " and not _ABBREVIATION.search(text, start, end):
        end -= 1
    return end
