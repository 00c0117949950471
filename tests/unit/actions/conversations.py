"""Conversations on the real dialogue core, the real demo back end (in this process) and a real search index."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx

from actions.dialogue import Outcome, respond
from actions.ports import Ports
from actions.retrieval import Found
from actions.state import State
from actions.turn import Decision, read_turn
from kg.retrieval import Index
from server.texts import render_message

ZONE = ZoneInfo("Asia/Shanghai")
NOON = datetime(2026, 3, 10, 12, 0, tzinfo=ZONE)

ARTICLES: dict[str, dict[str, tuple[str, str, list[str]]]] = {
    "automatic-payment": {
        "zh": ("自动缴费", "自动缴费在到期日前三天扣款，在账单页开通。", ["自动缴费怎么开通", "自动缴费哪天扣款"]),
        "en": ("Automatic payment", "Automatic payment takes the bill three days before it is due.",
               ["how do I set up automatic payment", "when is automatic payment taken"]),
    },
    "invoice": {
        "zh": ("电子发票", "付款后可以在账单页下载电子发票。", ["怎么开电子发票", "发票在哪里下载"]),
        "en": ("Invoices", "An invoice can be downloaded from the bill once it is paid.",
               ["how do I get an invoice", "download my invoice"]),
    },
    "wifi-password": {
        "zh": ("修改 Wi-Fi 密码", "在路由器页面里修改 Wi-Fi 名称和密码。", ["怎么修改无线密码", "Wi-Fi 密码怎么改"]),
        "en": ("Change the Wi-Fi password", "Name and password of the Wi-Fi are changed on the router's page.",
               ["how do I change the wifi password", "change wifi name"]),
    },
    "esim": {
        "zh": ("办理 eSIM", "eSIM 在应用里申请，扫描二维码安装到手机。", ["eSIM 怎么安装", "怎么申请 eSIM"]),
        "en": ("Get an eSIM", "An eSIM is ordered in the app and installed with a QR code.",
               ["how do I install an eSIM", "get an esim"]),
    },
    "no-internet": {
        "zh": ("家里宽带断网", "先看光猫的指示灯，再重启光猫和路由器。", ["家里宽带断网了", "宽带上不了网怎么办"]),
        "en": ("No internet at home", "Look at the modem's lights, then restart modem and router.",
               ["my broadband is down", "no internet at home"]),
    },
}  # fmt: skip
UNRELATED = {
    "zh": ["写一首关于秋天的诗", "世界上最高的山是哪座", "今天股票怎么样", "推荐一部电影", "怎么做红烧肉", "唔姆唔姆"],
    "en": ["write me a poem", "what is the capital of Mongolia", "how is the stock market", "recommend a film",
           "how do I cook rice", "what a lovely day"],
}  # fmt: skip


class Clock:
    """A clock that only tests move."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **delta: float) -> None:
        self.now += timedelta(**delta)


class LocalSearch:
    """The search of the model service without the service in between."""

    def __init__(self, index: Index) -> None:
        self._index = index

    async def search(self, query: str, language: str, k: int, articles: Sequence[str] = ()) -> Found:
        result = self._index.search(query, language, k, articles or None)
        return Found.model_validate(
            {"passages": [hit.to_json() for hit in result.passages], "confident": result.confident}
        )


class Conversation:
    """One customer talking. Every reply is rendered in both languages, every state goes through JSON."""

    def __init__(self, ports: Ports, clock: Clock, http: httpx.AsyncClient, locale: str) -> None:
        self.ports = ports
        self.clock = clock
        self.http = http
        self.locale = locale
        self.state = State()
        self.turn = 0
        self.outcome: Outcome | None = None
        self.known = set(ports.intents)
        self.diagnosis: Any = None

    async def say(self, text: str, intent: str = "inform", *, confidence: float = 0.95, **more: Any) -> list[str]:
        """Send a message understood as ``intent``; further names are entities. Answers the texts of the reply."""
        self.turn += 2
        definition = self.ports.intents.get(intent)
        oos = more.pop("oos", 0.01)
        ranking = more.pop("ranking", [(intent, confidence)])
        also = more.pop("also", [])
        understood = confidence >= 0.6 and intent in self.known
        decision: Decision = "fallback"
        if self.state.awaiting:
            decision = "continue"
        elif understood and definition is not None:
            decision = definition.do
        parse = {
            "text": text,
            "language": self.locale,
            "intent": {"name": intent, "confidence": confidence},
            "intent_ranking": [{"name": name, "confidence": sure} for name, sure in ranking],
            "entities": [
                {
                    "entity": kind,
                    "value": value,
                    "raw": value if value in text else text,
                    "confidence": 1.0,
                    "start": max(0, text.find(value)),
                }
                for kind, value in more.items()
            ],
            "also": [
                {
                    "intent": {"name": name, "confidence": 0.95},
                    "start": text.index(part),
                    "end": text.index(part) + len(part),
                }
                for name, part in also
            ],
            "oos": oos,
            "threshold": 0.6,
        }
        latest = {
            "text": text,
            "intent": {"name": intent if understood else "nlu_fallback"},
            "metadata": {"parse": parse, "locale": self.locale, "turn": self.turn, "conversation": "conversation-1"},
        }
        turn = read_turn(decision, latest, conversation="conversation-1", now=self.clock())
        self.outcome = await respond(turn, self.state, self.ports, self.diagnosis)
        self.diagnosis = json.loads(json.dumps(self.outcome.diagnosis))
        self.state = State.from_json(json.loads(json.dumps(self.outcome.state.to_json())))
        assert self.state == self.outcome.state
        assert self.outcome.messages
        return self.texts(self.locale)

    async def mumble(self, text: str = "唔姆唔姆", **more: Any) -> list[str]:
        """Send a message that was not understood."""
        return await self.say(text, "check_plan", confidence=0.2, **more)

    async def press(self, index: int, *, message: int = -1) -> list[str]:
        """Press a button of the last reply, as the gateway would send it."""
        assert self.outcome is not None
        return await self.send_value(self.outcome.messages[message]["choices"][index]["value"])

    async def send_value(self, value: str) -> list[str]:
        """Press a button whose value is known, perhaps an old one."""
        name, brace, rest = value.removeprefix("/").partition("{")
        entities = json.loads(brace + rest) if brace else {}
        return await self.say(value, name, confidence=1.0, **entities)

    async def code(self) -> str:
        """The code that the customer finds in the inbox."""
        inbox = (await self.http.get("/demo/inbox", params={"customer": self.state.customer})).json()
        return str(next(one["code"] for one in inbox if one["kind"] == "code"))

    async def give_code(self) -> list[str]:
        """Type the code that was sent."""
        return await self.say(await self.code())

    async def line(self, line: str) -> dict[str, Any]:
        """A line as the back end knows it."""
        return dict((await self.http.get(f"/lines/{line}")).json())

    @property
    def messages(self) -> list[dict[str, Any]]:
        assert self.outcome is not None
        return self.outcome.messages

    @property
    def keys(self) -> list[str]:
        """The keys of the reply, ``text`` for a company's own words."""
        return [str(message.get("key", "text")) for message in self.messages]

    @property
    def reason(self) -> str | None:
        """Why a person was asked for, if one was."""
        return next((str(one["escalate"]["reason"]) for one in self.messages if "escalate" in one), None)

    def texts(self, language: str) -> list[str]:
        """The reply as read; whatever it is, both languages can say it."""
        for each in ("zh", "en"):
            assert all(render_message(message, each)[0].strip() for message in self.messages)
        return [render_message(message, language)[0] for message in self.messages]
