"""E-mail addresses, accounts of messengers, number plates, passports and travel permits."""

import re
from collections.abc import Iterator

from server.privacy.spans import Span
from server.privacy.words import NO_ACCOUNT

_WEB_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})"
_EMAIL = re.compile(
    r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9](?:[A-Za-z0-9._%+'-]{0,63})\s?@\s?"
    rf"(?:(?:{_WEB_NAME}\.){{1,5}}[A-Za-z]{{2,24}}|[\u4e00-\u9fff]{{1,20}}\.(?:中国|公司|网络|网址|在线|中文网|com|cn))"
    r"(?![A-Za-z0-9])"
)
_EMAIL_SPELLED = re.compile(
    r"(?<![A-Za-z0-9._-])[A-Za-z0-9](?:[A-Za-z0-9._+-]{0,63})\s?(?:\(at\)|\[at\]|\{at\}|艾特|圈a|小老鼠|\sat\s|\s@\s|#)\s?"
    r"[A-Za-z0-9-]{1,63}(?:\s?(?:\(dot\)|\[dot\]|点|\sdot\s|\.)\s?(?:com|cn|net|org|edu|gov|io|co|uk|me|hk|"
    r"tw)(?![A-Za-z0-9])){1,3}",
    re.IGNORECASE,
)
# With the dots spelled out too, whatever the ending is.
_EMAIL_IN_WORDS = re.compile(
    r"(?<![A-Za-z0-9._-])[A-Za-z0-9](?:[A-Za-z0-9_+-]{0,63})(?:\s?(?:\(dot\)|\[dot\]|点|\sdot\s|\.)\s?[A-Za-z0-9_+-]{1,30}){0,3}"
    r"\s?(?:\(at\)|\[at\]|\{at\}|艾特|圈a|\sat\s|@)\s?[A-Za-z0-9-]{1,63}"
    r"(?:\s?(?:\(dot\)|\[dot\]|点|\sdot\s)\s?[A-Za-z0-9-]{1,30}){0,3}\s?(?:\(dot\)|\[dot\]|点|\sdot\s)\s?[A-Za-z]{2,10}"
    r"(?![A-Za-z0-9])",
    re.IGNORECASE,
)

_CONNECTORS = (
    r"(?:\s|[:：,，=是为叫号码账帐户名的吧呀啊哈(\"'“好友搜索我])*"
    r"(?:id|account|number|no\.?|name|号码?|'s|is|:|：|\s|是|为|叫)*"
)
_WECHAT = re.compile(
    r"(?:微信|薇信|威信|卫星号|微芯|(?<![a-z])(?:v|V)信|wechat|weixin|(?<![A-Za-z])(?:wx|vx|v[xX]号?)(?![A-Za-z])|加(?:我|"
    r"个)?[vV](?![A-Za-z])|"
    r"(?<![A-Za-z])[vV][:：])"
    rf"(?P<between>{_CONNECTORS})[\"']?(?P<id>[A-Za-z][A-Za-z0-9_-]{{4,19}}(?![A-Za-z0-9_@.-])|[A-Za-z][A-Za-z0-9_.-]{{3,18}}"
    r"[A-Za-z0-9](?![A-Za-z0-9_@-]))",
    re.IGNORECASE,
)
_WXID = re.compile(r"(?<![A-Za-z0-9_])wxid_[A-Za-z0-9]{6,30}", re.IGNORECASE)
_QQ = re.compile(
    rf"(?:(?<![A-Za-z])QQ|扣扣|企鹅号?|(?<![A-Za-z])q号|加(?:我|个)?q|我的?q(?=[是号:：\s])|"
    rf"(?<![A-Za-z])q(?=[:：]))(?P<between>{_CONNECTORS})"
    r"(?P<id>[1-9]\d{4,10}|[1-9](?: \d){5,10})(?!\s?\d|[@A-Za-z]|\.\d|\s?(?:元|块|次|条|分|MB|GB|会员))",
    re.IGNORECASE,
)
_OTHER_ACCOUNT = re.compile(
    r"(?:抖音|快手|微博|小红书|支付宝|淘宝|钉钉|陌陌|京东|telegram|skype|instagram|facebook|twitter|line|tiktok|alipay|"
    r"whatsapp|weibo|douyin)"
    r"\s?(?:账号|帐号|账户|用户名|号码?|昵称|id|account|handle|username)(?:\s|[:：=,，]|是|为|叫|is)*"
    r"@?(?P<id>[A-Za-z0-9][A-Za-z0-9_.-]{3,29}[A-Za-z0-9])(?![@A-Za-z0-9])",
    re.IGNORECASE,
)
_MAYBE_A_WORD = re.compile(r"[A-Za-z]+")
_STRONG_LABEL = re.compile(r"号|账|帐|id|account|[:：=]|是|为|叫|\bis\b|name", re.IGNORECASE)
_LEAST_WECHAT = 6
_MOBILE_AS_ID = re.compile(r"1[3-9]\d{9}")

_PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
_LETTER, _SIGN = "A-HJ-NP-Z", "A-HJ-NP-Z0-9"
_PLATE = re.compile(
    rf"(?<![最全更重刷])[{_PROVINCES}][A-HJ-NP-Z](?:\s?[·.-]?\s?)"
    rf"(?:[DABCEFGHJK][{_SIGN}]\d{{4}}|\d{{5}}[DABCEFGHJK]|[{_SIGN}]{{4}}(?:[{_SIGN}]挂?|[挂学警港澳试超使领]))(?![A-Za-z0-9])",
    re.IGNORECASE,
)
_PLATE_LABELLED = re.compile(
    r"(?:车牌号?码?|牌照号?码?|license plates?|licence plates?|number plates?|plate numbers?|plate no\.?|"
    r"registration (?:plate|number))"
    r"(?:\s|[:：,，是为]|number|no\.?|is)*(?P<id>(?:[\u4e00-\u9fff]{0,2}[A-Z]{0,2}[\s·.-]?)?"
    r"[A-Z0-9]{1,4}[\s·-]?[A-Z0-9]{2,6}[挂学警港澳使领]?)(?![A-Za-z0-9])",
    re.IGNORECASE,
)
_PLATE_LEAST_DIGITS = 2

_DOCUMENT_CONNECTORS = r"(?:\s|[:：,，#()]|号码?|编号|证件|是|为|的|number|no\.?|is|ID|card)*"
_PASSPORT_LABELLED = re.compile(
    rf"(?:护照|passport){_DOCUMENT_CONNECTORS}(?P<id>[A-Z0-9]{{6,10}}|[A-Z]{{1,2}}\s\d{{6,8}})(?![A-Za-z0-9])",
    re.IGNORECASE,
)
_PERMIT_LABELLED = re.compile(
    r"(?:通行证|回乡证|台胞证|台湾居民来往大陆|旅行证件?|海员证|travel permit|return permit|entry permit|\bpermit|"
    rf"travel document|mainland travel)(?:\sto\s[A-Za-z ]{{2,24}}?"
    rf"\s)?{_DOCUMENT_CONNECTORS}(?P<id>[A-Z]{{0,2}}\d{{7,10}}(?:\([A-Z]\))?)(?![A-Za-z0-9])",
    re.IGNORECASE,
)
_PASSPORT = re.compile(r"(?<![A-Za-z0-9-])(?:E[A-HJ-NP-Z]\d{7}|[EG]\d{8})(?![A-Za-z0-9])")
_NO_PASSPORT = re.compile(
    r"(?:错误|故障|代码|编码|型号|订单|单号|工单|序列|编号|批次|券|合同|error|code|model|order|ticket|serial|ref|sn|"
    r"tracking|coupon|version)(?:\s|[:：#号码是为]|no\.?|number|is)*$",
    re.IGNORECASE,
)
_PASSPORT_LEAST_DIGITS = 5


def emails(text: str) -> Iterator[Span]:
    """E-mail addresses, also with a Chinese domain, with spaces around the @, or spelled out."""
    for pattern in (_EMAIL, _EMAIL_SPELLED, _EMAIL_IN_WORDS):
        for match in pattern.finditer(text):
            yield Span(*match.span(), "EMAIL")


def accounts(text: str) -> Iterator[Span]:
    """WeChat and QQ numbers, and accounts of other services where they are called that."""
    for match in _WXID.finditer(text):
        yield Span(*match.span(), "ACCOUNT")
    for match in _WECHAT.finditer(text):
        if _is_wechat(match["id"], match["between"]):
            yield Span(*match.span("id"), "ACCOUNT")
    for match in _QQ.finditer(text):
        if not _MOBILE_AS_ID.fullmatch(match["id"]):
            yield Span(*match.span("id"), "ACCOUNT")
    for match in _OTHER_ACCOUNT.finditer(text):
        given = match["id"]
        if given.lower() not in NO_ACCOUNT and not _MOBILE_AS_ID.fullmatch(given):
            yield Span(*match.span("id"), "ACCOUNT")


def plates(text: str) -> Iterator[Span]:
    """Number plates of the mainland, those of new-energy cars too, and others where they are called that."""
    for match in _PLATE.finditer(text):
        if sum(one.isdigit() for one in match[0]) >= _PLATE_LEAST_DIGITS:
            yield Span(*match.span(), "PLATE")
    for match in _PLATE_LABELLED.finditer(text):
        given = match["id"]
        if sum(one.isdigit() for one in given) >= _PLATE_LEAST_DIGITS and re.search(r"[A-Z\u4e00-\u9fff]", given):
            yield Span(*match.span("id"), "PLATE")


def passports(text: str) -> Iterator[Span]:
    """Passports and travel permits; Chinese passports also without the word before them."""
    for pattern in (_PASSPORT_LABELLED, _PERMIT_LABELLED):
        for match in pattern.finditer(text):
            if sum(one.isdigit() for one in match["id"]) >= _PASSPORT_LEAST_DIGITS:
                yield Span(*match.span("id"), "PASSPORT")
    for match in _PASSPORT.finditer(text):
        if not _NO_PASSPORT.search(text[max(0, match.start() - 20) : match.start()]):
            yield Span(*match.span(), "PASSPORT")


def _is_wechat(given: str, between: str) -> bool:
    lower = given.lower()
    if lower in NO_ACCOUNT or len(given) < _LEAST_WECHAT:
        return False
    if "." in given and not any(map(str.isdigit, given)):
        return False  # two words, and the end of a sentence between them
    if _MAYBE_A_WORD.fullmatch(given):
        # Letters alone are a word unless something says that an account follows.
        return bool(_STRONG_LABEL.search(between))
    return True
