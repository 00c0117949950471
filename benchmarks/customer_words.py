"""What the simulated customers of `benchmarks.diagnosis_chat` say, Chinese and English.

The first wordings of a fact are ordinary ones; those under ``unseen`` are worded in ways that stand nowhere in the
project's data (nor are made from them), to see what an assistant does with words it was never given.
"""

from __future__ import annotations

Words = dict[str, dict[str, list[str]]]

COMPLAINTS: dict[str, Words] = {
    "no_service": {
        "zh": {
            "usual": ["手机没信号了", "我的手机显示无服务", "打不了电话，没有信号", "手机突然没有信号，怎么回事", "信号没了，电话打不出去"],
            "unseen": ["我这手机从早上起就跟砖头一样，谁也联系不上", "电话一直拨不通，左上角空空的"],
        },
        "en": {
            "usual": ["my phone has no signal", "it says no service on my phone", "I can't make calls, no signal at all", "no bars since this morning", "my phone lost service"],
            "unseen": ["my handset has been cut off from the world since dawn", "nobody can ring me and I can't ring out either"],
        },
    },
    "mobile_data_unavailable": {
        "zh": {
            "usual": ["手机上不了网", "流量用不了，网页打不开", "没有 Wi-Fi 就上不了网", "移动数据连不上", "手机数据网络断了"],
            "unseen": ["出门以后微信啥都刷不出来，回家才行", "一离开家里的无线，手机就成了聋子瞎子"],
        },
        "en": {
            "usual": ["mobile data isn't working", "I can't get online without wifi", "no internet on my phone outside", "my mobile data stopped working", "pages won't load on mobile data"],
            "unseen": ["as soon as I leave the house, apps just spin", "away from my home router the phone is useless for browsing"],
        },
    },
    "slow_data": {
        "zh": {
            "usual": ["手机上网很慢", "流量网速太慢了", "5G 特别慢，视频一直卡", "手机网络很卡", "用流量刷网页要半天"],
            "unseen": ["路上看个短视频转得我心烦", "这网跟老牛拉车似的"],
        },
        "en": {
            "usual": ["my mobile internet is very slow", "mobile data is so slow", "videos keep buffering on 5G", "data speed is terrible on my phone", "pages take forever on mobile data"],
            "unseen": ["streaming on the bus is like watching paint dry", "the phone crawls whenever I browse on the go"],
        },
    },
    "mms_fails": {
        "zh": {
            "usual": ["彩信发不出去", "发图片短信总是失败", "我发不了彩信", "短信里发照片发不出去", "彩信收发不了"],
            "unseen": ["想用短信给我妈传张照片，老是打红叹号", "文字信息没问题，带图的就卡住"],
        },
        "en": {
            "usual": ["I can't send picture messages", "MMS isn't working", "picture messages fail to send", "sending photos by text fails", "my MMS won't go out"],
            "unseen": ["texts with a snapshot attached never leave my outbox", "I try to text my gran a photo and get a red exclamation mark"],
        },
    },
}  # fmt: skip

# By facet of a check on the phone (without its check), by what is true.
FACTS: dict[str, dict[str, Words]] = {
    "airplane": {
        "on": {"zh": {"usual": ["有飞机图标", "飞行模式开着", "飞行模式是打开的"], "unseen": ["左上角有架小客机的标志", "坐飞机那个模式亮了"]},
               "en": {"usual": ["there's an airplane icon", "airplane mode is on", "I see a little plane"], "unseen": ["a tiny jet symbol is showing", "the flying thing is lit up"]}},
        "off": {"zh": {"usual": ["没有飞机图标", "飞行模式关着", "没看到飞机"], "unseen": ["没见着什么客机标志", "坐飞机那个模式没亮"]},
                "en": {"usual": ["no airplane icon", "airplane mode is off", "I don't see a plane"], "unseen": ["no jet symbol anywhere", "the flying thing isn't lit"]}},
    },
    "signal": {
        "none": {"zh": {"usual": ["没有信号", "信号格是空的", "显示无服务"], "unseen": ["信号那里啥也没有", "小格子一根都没亮"]},
                 "en": {"usual": ["no signal", "no bars", "it says no service"], "unseen": ["zero reception", "the little staircase is hollow"]}},
        "bars": {"zh": {"usual": ["有信号", "信号满格", "有三格信号"], "unseen": ["信号的小格子有四根是实的", "收信挺强"]},
                 "en": {"usual": ["there are signal bars", "signal is full", "three bars of signal"], "unseen": ["the little staircase is full", "reception looks strong"]}},
    },
    "network": {
        "none": {"zh": {"usual": ["没显示网络类型", "没有 4G 标志"], "unseen": ["旁边没写几 G"]},
                 "en": {"usual": ["no network type shown", "no 4G symbol"], "unseen": ["no letters or digits next to it"]}},
        "2g": {"zh": {"usual": ["显示 2G", "网络是 2G"], "unseen": ["写的是二 G"]}, "en": {"usual": ["it says 2G", "network type 2G"], "unseen": ["just a 2G there"]}},
        "3g": {"zh": {"usual": ["显示 3G", "网络是 3G"], "unseen": ["写的是三 G"]}, "en": {"usual": ["it says 3G", "network type 3G"], "unseen": ["just a 3G there"]}},
        "modern": {"zh": {"usual": ["显示 5G", "网络是 4G"], "unseen": ["旁边写着五 G"]}, "en": {"usual": ["it says 5G", "network type 4G"], "unseen": ["a 5G sign beside it"]}},
    },
    "data": {
        "off": {"zh": {"usual": ["移动数据关着", "移动数据没开", "数据开关是关的"], "unseen": ["上网用的那个流量按钮是灰色的", "蜂窝那一项没点亮"]},
                "en": {"usual": ["mobile data is off", "mobile data is disabled", "data is switched off"], "unseen": ["the cellular toggle is greyed out", "the data tile isn't lit"]}},
        "on": {"zh": {"usual": ["移动数据开着", "移动数据是打开的", "数据已启用"], "unseen": ["蜂窝那一项点亮了", "流量按钮是绿的"]},
               "en": {"usual": ["mobile data is on", "data is enabled", "mobile data is switched on"], "unseen": ["the cellular toggle is green", "the data tile is lit"]}},
    },
    "roaming": {
        "off": {"zh": {"usual": ["数据漫游关着", "漫游没开"], "unseen": ["漫游那一行的按钮没有点亮"]}, "en": {"usual": ["data roaming is off", "roaming is disabled"], "unseen": ["the roaming slider sits on the left, grey"]}},
        "on": {"zh": {"usual": ["数据漫游开着", "漫游是打开的"], "unseen": ["漫游那一行的按钮是绿的"]}, "en": {"usual": ["data roaming is on", "roaming is enabled"], "unseen": ["the roaming slider is green"]}},
    },
    "saver": {
        "on": {"zh": {"usual": ["省流量模式开着", "有省流量图标", "省流量是打开的"], "unseen": ["节流的那个开关点亮了", "省着用流量的功能在起作用"]},
               "en": {"usual": ["data saver is on", "there's a data saver icon", "yes, data saver is switched on"], "unseen": ["the thing that economises on data is active", "it's limiting data in the background"]}},
        "off": {"zh": {"usual": ["省流量模式关着", "没有省流量图标", "省流量没开"], "unseen": ["节流的那个没启用", "没在省着用流量"]},
                "en": {"usual": ["data saver is off", "no data saver icon", "no, data saver isn't on"], "unseen": ["nothing is economising on data", "no limits there at all"]}},
    },
    "vpn": {
        "connected": {"zh": {"usual": ["VPN 连着", "VPN 是开着的，速度很差", "有 VPN 图标"], "unseen": ["公司那个翻出去的软件正挂着", "有把小锁，说隧道已建立"]},
                      "en": {"usual": ["VPN is on", "the VPN is connected", "it says VPN connected, performance poor"], "unseen": ["my work tunnel is up", "some privacy tunnel is running"]}},
        "off": {"zh": {"usual": ["没有 VPN", "VPN 没连", "VPN 是关着的"], "unseen": ["没挂任何隧道软件", "这手机从来不用那玩意"]},
                "en": {"usual": ["no VPN", "VPN is not connected", "the VPN is off"], "unseen": ["no tunnel software of any kind", "I never use such a thing"]}},
    },
    "check_network_mode_preference": {
        "2g": {"zh": {"usual": ["选的是 2G", "只用 2G"], "unseen": ["勾在最老的那个，二 G"]}, "en": {"usual": ["2G only", "it's set to 2G"], "unseen": ["the oldest one, 2G, has the tick"]}},
        "3g": {"zh": {"usual": ["选的是 3G", "仅 3G"], "unseen": ["勾在三 G 那行"]}, "en": {"usual": ["3G only", "it's set to 3G"], "unseen": ["the tick is next to 3G"]}},
        "4g_5g": {"zh": {"usual": ["4G/5G 优先", "选的是 5G 优先", "自动"], "unseen": ["勾着最新的那个，五 G"]}, "en": {"usual": ["4G/5G preferred", "it's on 5G auto", "LTE preferred"], "unseen": ["the newest one is ticked, 5G"]}},
    },
    "check_sim_status": {
        "missing": {"zh": {"usual": ["显示没有 SIM 卡", "提示未插卡", "无 SIM 卡"], "unseen": ["说卡槽里是空的", "它认不出卡来"]},
                    "en": {"usual": ["it says no SIM", "SIM card missing", "no SIM card detected"], "unseen": ["it claims the tray is empty", "it can't recognise any card"]}},
        "locked": {"zh": {"usual": ["SIM 卡被锁了，要输 PIN", "要求输入 PUK 码", "显示 SIM 卡已锁定"], "unseen": ["一开机就让我输那串解锁的数字，PUK 什么的"]},
                   "en": {"usual": ["it asks for a PIN", "the SIM is locked", "it wants the PUK code"], "unseen": ["it demands eight digits called PUK"]}},
        "active": {"zh": {"usual": ["SIM 卡正常", "显示已激活", "卡没问题"], "unseen": ["卡好端端的，写着青禾通信"]},
                   "en": {"usual": ["the SIM is active", "SIM card looks fine", "it's working normally"], "unseen": ["the card is happily recognised"]}},
    },
    "check_data_restriction_status": {
        "on": {"zh": {"usual": ["省流量模式开着", "是打开的", "开着呢"], "unseen": ["省着用流量的功能在起作用"]}, "en": {"usual": ["yes, it's on", "data saver mode is ON", "data saver is on"], "unseen": ["it's busy limiting apps"]}},
        "off": {"zh": {"usual": ["没开", "关着的", "省流量是关的"], "unseen": ["没在省着用流量"]}, "en": {"usual": ["no, it's off", "data saver mode is OFF", "not switched on"], "unseen": ["nothing is being limited"]}},
    },
    "apn": {
        "incorrect": {"zh": {"usual": ["接入点显示不正确", "APN 不对", "APN 设置有错误"], "unseen": ["那个接入点名字被写得乱七八糟"]}, "en": {"usual": ["the APN is incorrect", "it says the APN is wrong", "APN shows incorrect"], "unseen": ["the access point entry is gibberish"]}},
        "correct": {"zh": {"usual": ["接入点是正确的", "APN 正确", "APN 没问题"], "unseen": ["接入点和短信里教的一模一样"]}, "en": {"usual": ["the APN is correct", "APN looks right", "the APN is fine"], "unseen": ["the access point matches your text message"]}},
    },
    "mmsc": {
        "missing": {"zh": {"usual": ["MMSC 没有填", "彩信中心是空的", "MMSC 未设置"], "unseen": ["彩信中心后面光秃秃的"]}, "en": {"usual": ["MMSC is not set", "the MMSC is empty", "MMSC blank"], "unseen": ["there's a bare line after MMSC"]}},
        "set": {"zh": {"usual": ["MMSC 填了", "彩信中心有地址", "MMSC 是 http 开头的"], "unseen": ["彩信中心后面跟着一长串网址"]}, "en": {"usual": ["MMSC is filled in", "there is an MMSC address", "MMSC starts with http"], "unseen": ["after MMSC there's a long web link"]}},
    },
    "check_wifi_status": {
        "fine": {"zh": {"usual": ["Wi-Fi 关着", "没连 Wi-Fi", "Wi-Fi 正常"], "unseen": ["无线那块我早就停用了"]}, "en": {"usual": ["wifi is off", "not connected to wifi", "wifi is fine"], "unseen": ["I shut the wireless down earlier"]}},
    },
    "check_wifi_calling_status": {
        "on": {"zh": {"usual": ["Wi-Fi 通话开着", "是打开的", "开着"], "unseen": ["那个按钮是绿的"]}, "en": {"usual": ["wifi calling is on", "yes, it's on", "it's enabled"], "unseen": ["that slider is green"]}},
        "off": {"zh": {"usual": ["Wi-Fi 通话关着", "没开", "是关的"], "unseen": ["那个按钮是灰的"]}, "en": {"usual": ["wifi calling is off", "no, it's off", "it's disabled"], "unseen": ["that slider is grey"]}},
    },
    "check_vpn_status": {
        "connected": {"zh": {"usual": ["VPN 连着", "连着呢", "有，显示已连接，速度差"], "unseen": ["公司的隧道软件正挂着"]}, "en": {"usual": ["yes, a VPN is connected", "VPN is on and connected", "connected, performance poor"], "unseen": ["my work tunnel is up"]}},
        "off": {"zh": {"usual": ["没有连", "VPN 没开", "没有 VPN"], "unseen": ["从来不用那玩意"]}, "en": {"usual": ["no VPN", "not connected", "no, it's off"], "unseen": ["never used such a thing"]}},
    },
    "check_installed_apps": {
        "vpn_app": {"zh": {"usual": ["有个 VPN 应用", "装了加速器"], "unseen": ["信息、浏览器，还有个叫飞梭加速的"]}, "en": {"usual": ["there is a VPN app", "yes, a VPN app is installed"], "unseen": ["messages, browser, and something called TurboProxy"]}},
        "none": {"zh": {"usual": ["没有这类应用", "没有"], "unseen": ["就信息和浏览器"]}, "en": {"usual": ["no such app", "no, none"], "unseen": ["just messages and a browser"]}},
    },
    "storage": {
        "denied": {"zh": {"usual": ["存储权限没开", "存储是拒绝的", "没有存储权限"], "unseen": ["存储那行打了叉"]}, "en": {"usual": ["storage is denied", "no storage permission", "storage not allowed"], "unseen": ["storage has a cross next to it"]}},
        "granted": {"zh": {"usual": ["存储是允许的", "有存储权限", "存储开着"], "unseen": ["存储那行打了勾"]}, "en": {"usual": ["storage is allowed", "storage is granted", "storage permission is on"], "unseen": ["storage has a tick next to it"]}},
    },
    "sms": {
        "denied": {"zh": {"usual": ["短信权限没开", "短信是拒绝的", "没有短信权限"], "unseen": ["短信那行打了叉"]}, "en": {"usual": ["SMS is denied", "no SMS permission", "SMS not allowed"], "unseen": ["SMS has a cross next to it"]}},
        "granted": {"zh": {"usual": ["短信是允许的", "有短信权限", "短信开着"], "unseen": ["短信那行打了勾"]}, "en": {"usual": ["SMS is allowed", "SMS is granted", "SMS permission is on"], "unseen": ["SMS has a tick next to it"]}},
    },
    "run_speed_test": {
        "none": {"zh": {"usual": ["没有连接", "测不了，无法连接", "打不开"], "unseen": ["它说当前没网，根本跑不起来"]}, "en": {"usual": ["no connection", "it fails, no connection", "nothing loads"], "unseen": ["it refuses to even begin, saying I'm offline"]}},
        "slow": {"zh": {"usual": ["很慢", "结果是差", "一般，不算快"], "unseen": ["结果惨不忍睹，才两三兆"]}, "en": {"usual": ["it's slow", "the result is poor", "it says fair"], "unseen": ["a pitiful 2 megabits"]}},
        "excellent": {"zh": {"usual": ["非常好", "很快", "结果是优秀"], "unseen": ["飞一样，三百多兆"]}, "en": {"usual": ["excellent", "very fast", "it says excellent"], "unseen": ["blazing, around 300 megabits"]}},
    },
    "can_send_mms": {
        "no": {"zh": {"usual": ["发送失败", "发不出去", "还是失败"], "unseen": ["又是红叹号"]}, "en": {"usual": ["it fails", "not sent", "no, it failed"], "unseen": ["red exclamation mark again"]}},
        "yes": {"zh": {"usual": ["发出去了", "成功了", "发送成功"], "unseen": ["那边回我说看到图了"]}, "en": {"usual": ["it worked", "yes, it was sent", "it goes through"], "unseen": ["it whooshed off and arrived"]}},
    },
    "ask_abroad": {
        "yes": {"zh": {"usual": ["在国外", "是的，我在日本", "我在国外出差"], "unseen": ["这会儿人在曼谷"]}, "en": {"usual": ["yes, I'm abroad", "I'm in Japan right now", "yes, travelling overseas"], "unseen": ["I'm sitting in Bangkok"]}},
        "no": {"zh": {"usual": ["在国内", "没有，在国内", "没出国"], "unseen": ["就在小区楼下"]}, "en": {"usual": ["no, I'm at home", "no, not abroad", "I'm in the country"], "unseen": ["just round the corner from my flat"]}},
    },
}  # fmt: skip

STATUS_LINE = {
    ("airplane", "on"): "✈️ Airplane Mode", ("signal", "none"): "📵 No Signal", ("signal", "bars"): "📶⁴ Excellent",
    ("network", "2g"): "2G", ("network", "3g"): "3G", ("network", "modern"): "5G",
    ("data", "on"): "📱 Data Enabled", ("data", "off"): "📵 Data Disabled",
    ("saver", "on"): "🔽 Data Saver", ("vpn", "connected"): "🔒 VPN Connected",
}  # fmt: skip
"""What a phone's status line shows, for customers who copy it."""

NOT_SURE: Words = {
    "zh": {
        "usual": ["不确定", "我不知道", "不清楚", "找不到在哪里看", "我看不懂这个", "说不准"],
        "unseen": ["这可难住我了", "我眼神不好，瞧不真切", "菜单太乱了，没寻着"],
    },
    "en": {
        "usual": ["not sure", "I don't know", "no idea", "I can't find it", "I can't tell", "hard to say"],
        "unseen": ["you've lost me there", "haven't the foggiest", "my eyes aren't good enough for that"],
    },
}  # fmt: skip

HELPED: dict[str, Words] = {
    "solved": {
        "zh": {"usual": ["好了", "可以了，谢谢", "恢复了", "现在正常了", "解决了", "是的，好了"], "unseen": ["神了，一下子就顺了", "嘿，活过来了"]},
        "en": {"usual": ["it works now", "yes, it's fixed", "all good now, thanks", "that solved it", "yes, it's back", "great, it works"], "unseen": ["hooray, that did the trick", "we're in business again"]},
    },
    "still": {
        "zh": {"usual": ["还是不行", "没用", "没有，还是一样", "还没好", "做了，但还是不行", "没变化"], "unseen": ["照旧，唉", "瞎忙活一场"]},
        "en": {"usual": ["still not working", "no, it didn't help", "no change", "same as before", "no, still the same", "I did it but it still doesn't work"], "unseen": ["alas, as dead as ever", "that got us nowhere"]},
    },
    "done": {
        "zh": {"usual": ["做好了", "好的，弄好了", "已经设置好了", "完成了"], "unseen": ["照你说的办妥了"]},
        "en": {"usual": ["done", "okay, I did that", "I've done it", "finished"], "unseen": ["that's taken care of"]},
    },
}  # fmt: skip

YES = {"zh": ["好的", "可以", "确认", "是的，办吧", "行"], "en": ["yes", "yes please", "go ahead", "sure", "confirm"]}

HELPED_BUTTONS = {"solved": {"好了", "It works now"}, "still": {"还是不行", "Still not working"}}
"""Labels of the buttons that say whether a fix helped."""

NAMES = {
    "no_service": {"手机没有信号", "No mobile service", "手机没信号", "No signal"},
    "mms_fails": {"彩信发不出去", "Picture messages fail", "彩信收发不了"},
    "slow_data": {"手机上网很慢", "Mobile data is slow", "手机上网慢", "Slow mobile data"},
    "mobile_data_unavailable": {"手机上不了网", "Mobile data does not work", "Mobile data not working"},
}
"""What a customer would press: the symptom's name, or the name of what is understood as it."""
