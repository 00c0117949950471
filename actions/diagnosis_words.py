# ruff: noqa: E501 - a table of patterns reads better in whole lines than in broken strings
"""Words that answers to a diagnosis are read with, Chinese and English; `actions.diagnosis_reading` uses them.

All are matched on simplified, lower-case text. What they cannot read is compared by meaning.
"""

from __future__ import annotations

import re


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns))


def _word(*words: str) -> str:
    return rf"\b(?:{'|'.join(words)})\b"


TOPICS: dict[str, tuple[str, ...]] = {
    "airplane": ("飞行模式", "飞机模式", "飞行图标", "飞机", "飞行", "airplane mode", "aeroplane mode", "flight mode",
                 "airplane", "aeroplane", "plane", "flight"),
    "signal": ("信号强度", "信号格", "信号", "无服务", "signal strength", "signal bars", "signal", "bars", "bar",
               "reception", "no service", "service", "coverage", "cellular connection"),
    "network": ("网络类型", "网络制式", "network type", "network technology", "lte", "volte", "gprs", "edge", "5g", "4g",
                "3g", "2g", "hspa"),
    "mode": ("网络模式", "首选网络", "network mode", "preferred network", "network preference", "mode preference"),
    "data": ("移动数据", "蜂窝数据", "数据开关", "流量开关", "数据", "流量", "mobile data", "cellular data", "data switch",
             "mobile internet", "data"),
    "roaming": ("数据漫游", "漫游", "data roaming", "roaming"),
    "saver": ("省流量模式", "省流量", "流量节省", "数据节省", "省流", "节省流量", "后台数据", "低数据模式", "data saver",
              "data saving", "datasaver", "low data mode", "background data", "saver"),
    "vpn": ("vpn", "代理", "加速器", "小钥匙", "钥匙", "proxy", "key icon", "little key", "key symbol"),
    "sim": ("sim 卡", "sim卡", "卡槽", "卡托", "手机卡", "sim card", "sim", "pin 码", "puk 码", "pin", "puk"),
    "apn": ("接入点名称", "接入点", "apn", "access point name", "access point"),
    "mmsc": ("彩信中心", "mmsc url", "mmsc"),
    "wifi_calling": ("wi-fi 通话", "wifi 通话", "wi-fi通话", "wifi通话", "无线通话", "wi-fi calling", "wifi calling",
                     "wlan calling", "calling over wifi"),
    "wifi": ("wi-fi", "wifi", "无线网", "wlan"),
    "storage": ("存储权限", "存储空间", "存储", "照片权限", "照片和视频", "storage permission", "storage", "files and media",
                "photos"),
    "sms": ("短信权限", "短信", "sms permission", "sms", "text messages"),
    "speed": ("测速", "网速", "速度", "下载速度", "speed test", "download speed", "speed", "mbps"),
    "mms": ("彩信", "图片短信", "图片消息", "mms", "picture message", "picture messages"),
    "abroad": ("境外", "国外", "海外", "出国", "abroad", "overseas", "foreign country"),
    "power": ("电源灯", "电源", "power light", "power led", "power"),
    "los": ("los 灯", "los", "光信号灯", "光信号", "optical light"),
    "wan": ("wan 灯", "wan", "网络灯", "internet light", "internet led"),
    "app": ("应用", "app"),
    "screen": ("屏幕", "screen", "display"),
    "location": ("定位", "gps", "location"),
    "dust": ("灰尘", "毛絮", "灰", "dust", "lint", "dirt"),
    "water": ("水汽", "进水", "有水", "潮", "moisture", "water", "wet"),
    "pins": ("针脚", "针", "接口松", "pins", "pin bent"),
    "battery": ("电池", "battery"),
    "restart": ("重新启动", "重启", "关机再开", "关机重开", "开关机", "restart", "reboot", "turned it off and on",
                "switched it off and on", "turning it off and on", "power cycle", "power cycled"),
    "reseat": ("重新插", "拔出来", "取出", "重插", "插拔", "拔插", "reinsert", "re-insert", "reseat", "took the sim out",
               "taking the sim out", "put the sim back", "popped the sim"),
    "reset": ("重置", "恢复默认", "恢复出厂", "reset"),
    "modem": ("光猫", "modem"),
    "router": ("路由器", "路由", "router"),
    "cable": ("网线", "充电线", "数据线", "根线", "条线", "cable"),
    "box": ("盒子", "机顶盒", "set-top box", "tv box", "box"),
    "remote": ("遥控器", "遥控", "remote"),
}  # fmt: skip
"""Things that answers speak of. A facet or fix is about those that its own name contains."""

SYMBOLS = {
    "✈": " airplane mode ", "🛩": " airplane mode ", "🛫": " airplane mode ", "📵": " ", "📶": " signal ",
    "🔽": " data saver ", "🔒": " vpn ", "🔑": " vpn ", "📡": " wifi ", "🔋": " battery ", "📱": " ", "✅": " on ",
    "❌": " off ", "✔": " on ", "✘": " off ", "✓": " on ", "✗": " off ",
}  # fmt: skip
"""Symbols of a copied status line, in words."""

SEPARATORS = re.compile(
    r"[,，;；。！!？?|｜\n\r、]+|\.(?=\s|$)|"
    r"\s(?:but|however|although|though|while|whereas|plus|also|and|&)\s|"
    r"但是|不过|可是|然而|而且|并且|另外|还有|同时|但|而(?=[^且])|以及"
)
"""Where one statement ends and the next begins."""
JOINING = re.compile(r"\s(?:and|&)\s|、|和|以及")
BOTH = _any(
    "都|两个|两项|全|一个也|什么.{0,4}也",
    _word("both", "all", "everything", "each", "neither", "none of (?:the two|them|it|these|those)"),
)
ONLY = _any("只有|仅有?|只(?:给|开|允许|能)", _word("only", "just"))
"""Of several things one: the others are not."""

ON = _any(
    "开着|打开了?|开启|启用|已开|开了|是开的?|开的|亮着|亮的|亮了|亮|连着|已连接|连接着|连上|允许|授权|勾选|有的?|显示|出现|激活|看得到|看见|看到",
    r"\bon\b(?!\s+(?:my|the|a|an|it|this|that|top|wi-?fi|which|here|there|your|screen))",
    _word(
        "enabled?", "active", "activated", "connected", "allow", "allowed", "granted", "yes", "lit", "present", "ticked"
    ),
    _word("running", "there is", "there's", "there are", "shows?", "i see", "i can see", "visible", "set", "filled"),
)
OFF = _any(
    "关着|关闭|关掉|关了|是关|关的|关$|禁用|禁止|禁了|停用|拒绝|断开|灭着|灭了|灭的|灭|暗的|黑的|灰的|灰色|变灰|缺失|丢失|"
    "空白|空的|空着|空了|为空|(?:^|[:： ])空$|打叉|叉号|个叉|不让",
    _word(
        "off", "disabled?", "denied", "disconnected", "inactive", "empty", "blank", "missing", "refused", "deactivated"
    ),
    _word("grey", "gray", "greyed", "grayed", "dark", "absent", "unchecked", "unticked", "hollow", "gone", "dead"),
    _word("forbidden", "prohibited", "rejected", "unset", "an x", "a cross"),
)
THERE = _any(
    "有的?|显示|出现|看得到|看见|看到",
    _word("there is", "there's", "there are", "shows?", "i see", "i can see", "visible", "present", "yes", "set"),
)
"""Of the words above those that only say that something is there."""
NEGATION = _any(
    "没有|没|未|无(?!线)|不是|不(?!过|错|同|好意思)|別|別",
    _word(
        "no", "not", "none", "never", "without", "nothing", "neither", "nor", "isn.?t", "aren.?t", "don.?t", "doesn.?t"
    ),
    _word("can.?t", "cannot", "wasn.?t", "won.?t", "didn.?t", "hasn.?t", "haven.?t", "couldn.?t", "ain.?t", "nope"),
)
MASKED = _any(
    "开关|开机|打不开|打开设置|不知道|不确定|不清楚|有点|有时|没问题|没有问题|没什么问题|没毛病|只有|设置里|里有?显示|上面显示",
    "没动过|没碰过|没改过|没弄过|没有?(?:说|提示|报)|没用过|没有?错|不是我|百分百|没有?(?:限制|异样|什么特别)",
    r"\b(?:no|not a|without|any) (?:problems?|issues?|doubt|trouble|complaints?|warnings?|errors?)\b",
    r"\bnothing (?:odd|wrong|unusual|strange|special|weird|to complain)\b|\bunrestricted\b",
    r"\bi (?:never|didn.?t|haven.?t|don.?t|did not) (?:did|do|done|touch|touched|change|changed|set|turn|turned|know)\b",
    r"\b(?:lift|com|tak|fall|peel|pop|bend|went|go|goes)(?:e|es|ed|ing|ping)? off\b",
    r"\bnot sure\b|\bdon.?t know\b|\bno idea\b|\bnot only\b|\bthe switch\b|\bset up\b|\bi don.?t think\b",
)
"""Holds a word of the lists above without meaning it."""

COLOURS = {
    "red": re.compile(r"红|\bred\b"),
    "green": re.compile(r"绿|\bgreen\b"),
    "blue": re.compile(r"蓝|\bblue\b"),
    "yellow": re.compile(r"黄|橙|橘|\b(?:yellow|orange|amber)\b"),
    "white": re.compile(r"白(?!色?屏)|\bwhite\b"),
    "blinking": re.compile(r"闪|\b(?:blink|flash)\w*"),
}
"""Colours of lights, and what else they do."""
NOW_AND_THEN = _any(
    "偶尔|有时|时不时|一会儿|一下子|断断续续|时有时无",
    _word("now and then", "sometimes", "occasionally", "at times", "on and off", "once in a while"),
)
LIGHTS = _any("灯|亮|灭", _word("lights?", "leds?", "lit", "dark"))
FINE = _any(
    "正常|没问题|没有问题|没毛病|没异常|没有异常|没什么问题|挺好|很好|一切都?好|完好|好好的|好端端|没(?:说|提示|报)什么|没错|对的|是对",
    _word("normal", "fine", "ok", "okay", "all right", "alright", "looks good", "as usual", "nothing unusual"),
    r"\bno (?:problems?|issues?|trouble|complaints?|warnings?|errors?)\b|\ball (?:good|clear)\b",
    r"\bnothing (?:odd|wrong|unusual|strange|special|weird|to complain)\b|\bis (?:right|correct)\b|\brecogni[sz]ed\b",
)
NOT_FINE = _any(
    "不太?正常|不对|(?<!没)(?<!没有)(?<!没什么)有?问题|异常(?!都?没)|出错|写错|报错|(?<!没)(?<!没有)错误|乱码|感叹号",
    r"\bnot (?:normal|fine|ok|right|correct)\b|\b(?<!nothing )wrong\b|\bexclamation mark\b",
    _word("abnormal", "incorrect", "rubbish", "gibberish", "garbled", "(?<!no )error", "(?<!no )warning", "mistake"),
)
BROKEN = _any(
    "用不了|不能用|没反应|不好使|坏了|失灵|上不了网?|打不开|不工作|连不上|断网|很?慢|卡",
    r"\b(?:not|isn.?t|aren.?t|doesn.?t|won.?t|don.?t|stopped) (?:work|working|load|loading|respond|responding|connect)\w*\b",
    _word("broken", "dead", "useless", "slow", "down", "fails?", "failing"),
)
"""A thing does not work, which does not say that its switch is off."""

UNSURE = _any(
    "不确定|不知道|不清楚|不晓得|不太?懂|不会看|看不懂|看不明白|说不准|说不好|说不上来|没注意|没留意|忘了|不记得|拿不准|不好说|分不清|不太会|"
    "没?找不到(?:这个|这|那个|在|设置|选项|菜单|地方)?|没找到|没找着|没(?:瞧|看|见)(?:见|着|过)?(?:这|那|有?什么|哪|到?这)|"
    "不(?:敢|能|是)?.{0,5}(?:肯定|确定|清楚|知道)|看(?:不|花)(?:来|出|眼)|(?:上|到|去)?哪(?:儿|里)?(?:看|找|知道)|不懂|"
    "没有?(?:看见|看到|见|瞧见)?(?:这|那)(?:个|种|一)?(?:选项|菜单|设置|页|项)|打不开这|这页.{0,4}打不开|"
    "不太确定|搞不清|搞不懂|弄不明白|不明白|没看懂|好像.{0,12}又|也许|大概吧|可能吧",
    r"\b(?:not|un)[ -]?(?:really |quite |too |entirely |100% )?(?:sure|certain)\b|\bunsure\b|\buncertain\b|\bno (?:idea|clue)\b",
    r"\b(?:don.?t|do not|didn.?t|wouldn.?t) (?:really |quite |even )?(?:know|remember|recall|understand|get it|notice)\b",
    r"\bdunno\b|\bidk\b|\bhard to (?:say|tell)\b|(?<!it )(?<!phone )(?<!which )\b(?:can.?t|cannot|could ?n.?t|unable to) (?:really |quite )?(?:tell|say|find|figure|locate|make out)\b",
    r"\bnot .{0,24}(?:sure|certain|positive)\b|\bno good with\b|\bnot (?:very |so |too )?good with\b|\bgot lost\b|\bno idea\b",
    r"\b(?:menu|option|setting|page|entry|switch)\b.{0,24}\b(?:isn.?t|is not|not) there\b|\bwouldn.?t (?:even )?know\b",
    r"\b(?:don.?t|didn.?t|can.?t|couldn.?t|do not|cannot) (?:have|see|find|spot|get to) (?:that|this|any|such|it|the|a)\b.{0,14}"
    r"\b(?:option|setting|menu|page|entry|thing|anywhere|like that)\b|\b(?:don.?t|didn.?t|can.?t|couldn.?t) (?:see|find|spot) (?:it|that|this)\b",
    r"\bmeans? nothing to me\b|\bgreek to me\b|\bcan.?t (?:seem to )?get to\b|\bcouldn.?t work out\b|\bwhere would i\b",
    r"\bwho knows\b|\bbeats me\b|\bnot familiar\b|\bno clue\b|\bmaybe\b|\bperhaps\b|\bcould be either\b|\blost me\b|\bconfus\w+",
)
REFUSED = _any(
    "做不了|做不到|办不到|没法(?:做|操作|弄|试|看)|不想(?:做|弄|试|操作)|不方便|不敢|没有?(?:卡针|工具|电脑|网线|备用)|弄不了|试不了|跳过|"
    "不愿意|操作不了|点不了|按不了|打不开卡|没办法(?:做|操作|弄|试|看)?|换个别?的?办法|不想(?:动|碰|拆)|(?:我|这个)不(?:干|做|弄)|"
    "没有?(?:东西|工具|针|什么).{0,4}(?:能|可以|用来)",
    r"\b(?:can.?t|cannot|couldn.?t|unable to|not able to|won.?t|don.?t want to|rather not|not going to) (?:really )?(?:do|try|perform|manage|open it)\b",
    r"\bskip (?:it|this|that)\b|\bnot possible\b|\bimpossible\b|\bdon.?t have (?:a |any |the )?(?:pin|tool|cable|computer|spare|time)\b|\bi.?d rather not\b",
    r"\b(?:haven.?t got|don.?t have|have no|got no)(?: anything| something| nothing| a| any)?\b.{0,16}\b(?:to|for)\b|^i can.?t(?=\s*(?:$|[,.;!]))|\bnot doing\b",
    r"\brather not\b|\bgreyed out\b|\bcan.?t (?:do|try|open|access) (?:that|this|it)\b|\bsomething else instead\b",
)
WITHHELD = _any(
    "不想(?:给|说|提供|告诉)|不(?:愿意?|方便|肯)(?:给|说|提供|告诉)?|不给|保密|隐私|没有号码|不记得号码|记不住",
    r"\b(?:don.?t|do not|won.?t|rather not|prefer not|not going to|no need) (?:want |wish |like )?(?:to )?(?:give|share|tell|say|provide|hand)\b|\bprivate\b|\bprivacy\b",
)
SERVICE_LOST = _any(
    "(?:丢|掉|没|失去)了?(?:了|的)?(?:信号|服务|网络|网)|(?:信号|服务|网络)(?:全)?(?:丢|掉|断|没)了?",
    r"\b(?:lost|lose|losing|loses|dropped) (?:(?:my|its|the|all|any|our|phone|cell|mobile|cellular) ){0,3}"
    r"(?:service|signal|reception|connection|network|coverage|bars)\b",
)
"""What was lost is the service, not the phone."""
TRIED = _any(
    "已经|早就|试过|做过|弄过|过了|之前.{0,8}过|刚才.{0,6}过|都.{0,6}过",
    _word("already", "tried", "have done", "did that", "done that", "did it before", "i.?ve"),
)
DID = _any(
    "(?:换|清理?|擦|刷|重装|重启|插|拔|按|更新|升级|拧)(?:了|过|好|完)",
    _word("changed", "replaced", "swapped", "cleaned", "reinstalled", "plugged", "unplugged", "pressed", "updated"),
    _word("restarted", "rebooted", "reinserted", "reseated"),
)
"""Something was done, whatever came of it."""
DONE = _any(
    "做好了|弄好了|弄完|做完|设好|处理好|完成|搞定|已经?重置|重置(?:成功|好)|恢复成?默认|照做了|做了|好了|操作完|设置好了|改好了|已经做|重启了|关了|开了|断了|插好了|按.{0,4}做了|重置了|付了|付好|付款了|交了|缴了|支付",
    _word(
        "done", "did it", "did that", "i did", "finished", "completed", "complete", "restarted", "rebooted", "reset it"
    ),
    _word(
        "switched it", "turned it", "paid", "i have now", "all set", "i.?ve done", "as you said", "have paid", "ok did"
    ),
)
SOLVED = _any(
    r"(?<![做弄改装插关开启置])好了|管用|嗖嗖|飞快|可以了|能用了|能上网?了|正常了|恢复了?|有了|行了|通了|解决了|修好|成功了?|快了|流畅|顺畅|出来了|连上了|收到了|发出去了|发送成功|搞定|能打了|能发了?|"
    r"没问题了|没有问题了|(?:不再?|没再|没有再)[^，,。]{0,8}了|没事了|有信号|满格|很快|正常|能.{0,6}了",
    _word(
        "works?",
        "working",
        "worked",
        "fixed",
        "solved",
        "resolved",
        "better now",
        "back",
        "up again",
        "good now",
        "fine",
    ),
    _word(
        "great",
        "perfect",
        "excellent",
        "brilliant",
        "success",
        "successful(?:ly)?",
        "restored",
        "sorted",
        "fast",
        "normal",
    ),
    _word(
        "went (?:out|through)",
        "it does",
        "it is now",
        "gone",
        "stopped",
        "it.?s (?:ok|okay|good|back|gone|there)",
        "can now",
    ),
    r"\b(?:going|online|running|alive|connected) again\b|\bback online\b|\b(?:has been|been|was|got) delivered\b|\bas new\b|\bhelped\b",
    r"\bno (?:more|longer) (?:problems?|issues?|drop\w*|slow|stutter\w*|hot|lag\w*)\b|\bi can (?:make|call|browse|send|log|see|load|get|go)\b|\bdoesn.?t (?:drop|stutter|drain|lag|freeze) any ?more\b",
)
STILL = _any(
    "还是|还没|还不|还会|还有|依然|仍然|仍旧|照样|照旧|没有?(?:变化|用|效果|好转|改善|恢复|反应|好|解决|成功)|不行|没用|不管用|老样子|同样|一样|没信号|用不了|"
    "不能|没法|不顶用|不顶事|又没了|又不行|上不了|打不开|发不出|发不了|失败|连不上|更糟|更慢|慢|卡|不好(?!意思)|还在|没变|白搭|无效|没起作用|没有信号|没网|不通|无服务|转圈|没好",
    r"\bstill\b|\bno (?:change|difference|luck|effect|improvement|better|good|use|signal|service|bars|internet|connection)\b|\bnot (?:yet|working|fixed|solved|better|really|back|fast|good|at all)\b",
    r"\b(?:doesn.?t|does not|didn.?t|did not|won.?t|can.?t|cannot|couldn.?t|isn.?t|hasn.?t|haven.?t|wasn.?t|don.?t)\b|\bsame\b|\bfail(?:s|ed|ing)?\b|\bworse\b|\bnothing(?:.?s| has)? (?:changed|happens|happened|loads)\b",
    r"\bno joy\b|\bcontinues\b|\bgone again\b|\bto no avail\b|\bin vain\b",
    r"\bslow(?:er)?\b|\bunchanged\b|\bstuck\b|\bnegative\b|\bnever\b|\bpersists?\b|\bremains?\b|\bnone\b|\bneither\b|\bbroken\b|\bpoor\b",
)
NOT_SOLVED = _any(
    "没好|不好|没恢复|不?没?成功不了|没成功|不成功|不正常|没解决|没有(?:恢复|解决|好|成功|正常|出来|连上|收到|信号)|没通|没反应|不能正常|不可以|不行了|没(?:连上|收到|发出去|出来|快)|不快|不流畅|还没",
    r"\bnot (?:working|fixed|solved|back|better|good|normal|fast|really|ok|okay|fine|great)\b|\bno good\b|\b(?:doesn.?t|does not|didn.?t|did not|isn.?t|is not|won.?t|not) work(?:ing)?\b",
)
"""Holds a word of `SOLVED` and means the contrary."""
NO_LONGER = _any(r"\bno longer\b|\bno more\b|\bany ?more\b")
NO_TROUBLE = _any(
    "不再|没再|没问题|没有问题|问题没了|没事|新的?一样|不(?:会)?(?:慢|卡|断|掉|烫|断线|掉线)了?",
    r"\bno longer\b|\bno more\b|\bany ?more\b|\bno (?:problems?|issues?|lag)\b",
)
PARTLY = _any(
    "只有|一下又|有时|偶尔|时好时坏|晚上|但.{0,10}(?:只|有时)|一会儿|好了?(?:一|有)?点|好了?一些|不太(?:行|好)",
    r"\b(?:a (?:bit|little)|slightly|somewhat) better\b|\b(?:sort|kind) of\b|\bonly\b|\bsometimes\b|\bat night\b|\bnow and then\b|\bon and off\b|\bfor a (?:moment|minute|second)\b|\bintermittent",
)
CONTRAST = _any("但是|不过|可是|但|然而|就是", r"\bbut\b|\bhowever\b|\bthough\b|\bexcept\b")
REVERSED = _any(
    "还会|还(?=[卡快慢烫]|发烫|掉|断)|得还快",
    r"\bdoes it still\b|\bis the phone still\b|\bstill (?:drop|drain|hot|stutter)",
)
"""A question to which "yes" means that the trouble is still there."""

RECURRED = _any(
    "又[^，,。]{0,8}(?:断|掉|没|不|卡|慢|坏|犯|这样|来了|出现|失败|发烫|转圈)|还是[^，,。]{0,8}(?:不|没|断|卡|慢|掉|烫|一样|老样子)|"
    "(?:依然|仍然|仍旧|照样)[^，,。]{0,6}(?:不|没|断|卡|慢|掉)|没(?:有)?(?:解决|修好|变化|效果)|不管用|复发|问题(?:又|还在)|高兴(?:得)?太早|白高兴",
    r"\bstill (?!works?\b|working\b|fine\b|good\b|ok\b|okay\b|here\b)|\bspoke too soon\b|\bnot (?:fixed|solved) (?:after all|yet)\b",
    r"\bnothing (?:changed|happens|happened|works)\b|\bno (?:change|difference|better|effect)\b|"
    r"\b(?:didn.?t|did not|doesn.?t|does not) (?:help|change|fix)\b",
    r"\b(?:problem|issue|trouble|fault|error|same thing)\b[^,.]{0,12}\b(?:back|again|returned)\b|\bstopped working\b",
    r"\b(?:drop\w*|cut\w*|disconnect\w*|lost|los(?:es|ing)|gone|happen\w*|down|out|dead|slow|stuck|fail\w*|broken?|quit|"
    r"not work\w*|doesn.?t work|isn.?t work\w*|can.?t \w+|no \w+) (?:\w+ )?again\b",
)
"""A trouble that was thought to be over is there after all."""

WHY = _any(
    "为什么|为啥|干嘛|为何|凭什么|有什么用|有必要吗|原因是什么|什么道理",
    r"\bwhy\b|\bwhat.?s (?:the|that) (?:point|for)\b|\bwhat for\b|\bhow come\b|\bis (?:this|that|it) (?:really )?necessary\b|\bwhat does this (?:tell|show)\b",
)
EXPLAIN = _any(
    "什么是|是什么|什么意思|是啥|啥是|啥意思|指什么|哪里|在哪|哪儿|怎么(?:看|查|找|弄|做|操作|打开|进|关|设置|重置|重启|断|取)|如何|什么叫|干什么用|能解释|解释一下|教我",
    r"\bwhat(?:.?s(?! next\b)(?! written\b)(?! there\b)| is| are| does| do you mean)\b|\bwhere (?:is|are|do|can|exactly)\b|\bwhere.?s\b|\bhow (?:do|can|to|would|exactly)\b|\bwhich (?:menu|setting|page)\b|\bexplain\b|\bmean(?:s)? by\b",
)
FORGET = _any(
    "^(?:算了|不弄了|不修了|先不管|不用管|不查了|不搞了|放弃|不想弄了?|下次再说|以后再说|先这样|不麻烦了?)",
    r"\bforget (?:it|about it|that)\b|\bnever ?mind\b|\bleave it\b|\bdon.?t bother\b|\bstop (?:this|the)\b|\bi give up\b|\blet.?s stop\b|\bsome other time\b",
)
PERSON = _any("人工|真人|客服|找个?人", _word("human", "person", "agent", "somebody", "someone", "colleague"))
YES = _any(
    r"^(?:是的?|对的?|嗯+|有的?|会的?|能的?|可以|行|好的?|没错|确实|当然|是啊|对啊|有啊|没问题|应该是)(?:[呀啊哦的呢吧了]*)$",
    r"^(?:yes|yeah|yep|yup|yea|sure|correct|right|indeed|ok|okay|it does|it is|they are|i do|i am|there is|i think so|absolutely|of course|affirmative|true|aye|definitely)\b",
    r"^(?:是的|对|嗯)",
)
NO = _any(
    r"^(?:不是?|没有?|否|不会|不能|没有的|不对|都?没有?|完全没有|并没有|没|无|不行|不可以)(?:[呀啊哦的呢吧了]*)$",
    r"^(?:no|nope|nah|not|none|negative|it doesn.?t|it isn.?t|it.?s not|i don.?t|i.?m not|never|no way|false|neither)\b",
    r"^(?:不是|没有|不会)",
)
LEADING = re.compile(
    r"^(?:it'?s|it is|it says|it shows|it|there'?s|there is|there are|there|i see|i'?m|i|yes|the|is|"
    r"shows?|says?|显示|提示|写着|是|有个|我在|我)\s*"
)
"""What a wording of the graph may begin with and lose when it is searched for inside a sentence."""

RESULTS: dict[str, tuple[str, ...]] = {
    "solved": (
        "好了，谢谢",
        "可以用了",
        "问题解决了",
        "恢复正常了",
        "真的有用，现在没问题",
        "太棒了，成功了",
        "终于能用了",
        "果然好了",
        "一切正常",
        "厉害，马上就好了",
        "it works now",
        "that fixed it",
        "problem solved, thank you",
        "everything is back to normal",
        "wow, it is working again",
        "great, success",
        "hurray, it is fixed",
        "yes, that helped",
        "that did it",
        "good as new",
    ),
    "still": (
        "还是不行",
        "没有用",
        "没变化",
        "问题依旧",
        "白做了，一点用都没有",
        "跟之前一样",
        "完全没效果",
        "唉，没好",
        "仍旧打不开",
        "折腾半天还是老样子",
        "it still does not work",
        "no change at all",
        "that did not help",
        "same problem as before",
        "unfortunately no luck",
        "it made no difference",
        "sadly nothing changed",
        "no, it is still broken",
        "useless, nothing happened",
        "not any better",
    ),
}
"""Ways to say that a fix helped or did not, to compare by meaning."""
