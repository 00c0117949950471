"""What holds whatever a customer says, in any order."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import httpx
import pytest
from conversations import Clock, Conversation, LocalSearch
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from actions.accounts import AccountsClient
from actions.ports import Ports
from kg.retrieval import Index
from server.accounts.app import create_app
from server.company import Company
from server.settings import ROOT

# No shrinking: each step is a whole conversation on a real file, a failure would take minutes to become smaller.
PROFILE = settings(
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
WRITTEN = ("lines", "usage", "bills", "tickets")
TEXTS = (
    "19900000103", "19900000106", "19900000114", "13800000000", "QH48210937", "T-104233", "2GB", "5GB", "1", "第二个",
    "后天上午", "西湖区", "Leaf", "青禾畅享", "是", "no", "好的", "不是这个，是107那个", "resend", "😀😀",
    "\u202eevil\u0000", "{left}", "'; --", "x" * 4000, "   ", "/inform", "999999",
)  # fmt: skip
YES = ("是", "好的")
"""Those of them that are a yes by their words alone, whatever was understood."""
ENTITIES = st.dictionaries(
    st.sampled_from(
        ["phone_number", "order_number", "ticket_number", "data_volume", "plan", "place", "date", "choice", "question"]
    ),
    st.sampled_from(
        ["19900000103", "QH48210937", "T-104233", "1", "max", "xihu", "2026-03-12", "L-107", "none", "person", "x"]
    ),
    max_size=2,
)


@st.composite
def messages(draw: st.DrawFn, intents: tuple[str, ...]) -> dict[str, Any]:
    """One thing that a customer may do: write, be misunderstood, press a button, type the code."""
    return {
        "how": draw(st.sampled_from(["write", "write", "write", "mumble", "press", "code", "yes"])),
        "text": draw(st.sampled_from(TEXTS)),
        "intent": draw(st.sampled_from(intents)),
        "entities": draw(ENTITIES),
        "button": draw(st.integers(0, 3)),
        "oos": draw(st.sampled_from([0.0, 0.0, 0.9])),
    }


async def act(talk: Conversation, message: dict[str, Any]) -> list[str]:
    choices = [one for reply in (talk.messages if talk.outcome else []) for one in reply.get("choices", [])]
    if message["how"] == "press" and choices:
        return await talk.send_value(choices[message["button"] % len(choices)]["value"])
    if message["how"] == "code" and talk.state.verification is not None:
        return await talk.give_code()
    if message["how"] == "yes":
        return await talk.say("yes", "affirm")
    if message["how"] == "mumble":
        return await talk.mumble(message["text"], oos=message["oos"])
    return await talk.say(message["text"], message["intent"], **message["entities"])


def written(app: FastAPI) -> list[Any]:
    return [app.state.store.all(kind) for kind in WRITTEN]


def agreed(talk: Conversation, message: dict[str, Any], before: Any) -> bool:
    """Whether the last message was a yes of a verified customer to an open confirmation."""
    open_confirmation = before.expect is not None and before.expect.kind == "confirm"
    understood = message["how"] != "mumble" or message["text"] in YES
    return open_confirmation and before.verified(talk.clock()) and understood


async def converse(script: list[dict[str, Any]], index: Index, company: Company, folder: Path, locale: str) -> None:
    clock = Clock()
    app = create_app(folder / "accounts.db", clock=clock, seed_file=ROOT / "demo" / "accounts.json")
    try:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://accounts") as http:
            ports = Ports(AccountsClient(http, "http://accounts"), LocalSearch(index), company.intents)
            talk = Conversation(ports, clock, http, locale)
            for message in script:
                before, data = talk.state, written(app)
                texts = await act(talk, message)
                assert texts
                assert all(text.strip() for text in texts)
                if written(app) != data:
                    assert agreed(talk, message, before), message
                check_state(talk)
                if talk.reason is not None:
                    assert talk.outcome is not None
                    assert talk.outcome.paused
                    talk.state = talk.state.after_handback()
    finally:
        app.state.store.close()


def check_state(talk: Conversation) -> None:
    state = talk.state
    assert state.awaiting == (state.expect is not None)
    # A question that is no mere offer belongs to a task, and a task never waits without a question.
    assert (state.task is not None) == (state.expect is not None and not state.expect.soft)
    assert sum("escalate" in message for message in talk.messages) <= 1


COMPANY = Company.load(ROOT / "demo")


@pytest.mark.parametrize("locale", ["zh", "en"])
@settings(PROFILE, max_examples=20)
@given(data=st.data())
def test_every_message_is_answered_and_nothing_changes_without_a_yes(
    index: Index, locale: str, data: st.DataObject
) -> None:
    script = data.draw(st.lists(messages(tuple(COMPANY.intents)), min_size=6, max_size=14))
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(converse(script, index, COMPANY, Path(folder), locale))


WRITES = ("buy_data", "change_plan", "enable_roaming", "suspend_line", "resume_line", "book_technician", "pay_bill")


@pytest.mark.parametrize("intent", WRITES)
@settings(PROFILE, max_examples=4)
@given(data=st.data())
def test_interruptions_do_not_slip_a_write_through(index: Index, intent: str, data: st.DataObject) -> None:
    """Start a write for a customer for whom it is possible, then do anything at all around the code and the yes."""
    phone = {"resume_line": "19900000120", "pay_bill": "19900000119"}.get(intent, "19900000103")
    anything = messages(tuple(COMPANY.intents))
    step = {"entities": {}, "button": 0, "oos": 0.0, "text": f"{phone} 1GB Leaf 明天上午"}
    start = {**step, "how": "write", "intent": intent, "entities": {"phone_number": phone, "plan": "plus"}}
    script = [
        start,
        *data.draw(st.lists(anything, max_size=2)),
        {**step, "how": "code", "intent": "inform"},
        *data.draw(st.lists(anything, max_size=2)),
        {**step, "how": "yes", "intent": "affirm"},
        *data.draw(st.lists(anything, max_size=2)),
    ]
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(converse(script, index, COMPANY, Path(folder), "zh"))
