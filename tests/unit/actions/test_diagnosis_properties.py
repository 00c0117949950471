"""What holds in a diagnosis whatever a customer says, in any order: an answer, no change without a yes, an end."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import httpx
import pytest
from conversations import Clock, Conversation, LocalSearch
from hypothesis import given, settings
from hypothesis import strategies as st
from test_properties import COMPANY, PROFILE, act, agreed, check_state, messages, written

from actions.accounts import AccountsClient
from actions.diagnosis_graph import Graphs
from actions.ports import Ports
from kg.retrieval import Index
from server.accounts.app import create_app
from server.settings import ROOT

GRAPHS = Graphs.load(ROOT / "kg" / "data")
MOST_STEPS = 20
ANSWERS = (
    "不确定", "no idea", "还是不行", "it works", "没有 SIM 卡", "airplane mode is on", "✈️ Airplane Mode | 📵 No Signal",
    "都正常", "what is an APN?", "为什么", "好了", "I already restarted it", "做不了",
    "彩信也发不出去", "1GB", "付好了",
)  # fmt: skip
FAULTS = ("fault_no_service", "fault_mobile_data", "fault_mms", "fault_broadband", "fault_tv")


async def converse(script: list[dict[str, Any]], index: Index, folder: Path, phone: str, fault: str) -> None:
    clock = Clock()
    app = create_app(folder / "accounts.db", clock=clock, seed_file=ROOT / "demo" / "accounts.json")
    try:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://accounts") as http:
            ports = Ports(AccountsClient(http, "http://accounts"), LocalSearch(index), COMPANY.intents, GRAPHS)
            talk = Conversation(ports, clock, http, "zh")
            await talk.say(f"不行了 {phone}", fault, phone_number=phone)
            steps = 0
            for message in script:
                before, data = talk.state, written(app)
                texts = await act(talk, message)
                assert all(text.strip() for text in texts)
                if written(app) != data:
                    assert agreed(talk, message, before), message
                check_state(talk)
                steps += sum(one.get("step", {}).get("kind") in {"check", "fix"} for one in talk.messages)
                if talk.reason is not None:
                    assert talk.outcome is not None
                    assert talk.outcome.paused
                    assert talk.diagnosis is None
                    return
                if talk.diagnosis is None:
                    return
                assert talk.diagnosis["sent"] <= MOST_STEPS
    finally:
        app.state.store.close()


@pytest.mark.parametrize("phone", ["19900000101", "19900000102", "19900000103"])
@settings(PROFILE, max_examples=6)
@given(data=st.data())
def test_a_diagnosis_answers_everything_and_ends(index: Index, phone: str, data: st.DataObject) -> None:
    usual = st.fixed_dictionaries({
        "how": st.sampled_from(["write", "mumble", "press", "code", "yes"]), "text": st.sampled_from(ANSWERS),
        "intent": st.sampled_from(["inform", "unsure", "deny", "affirm", *FAULTS]), "entities": st.just({}),
        "button": st.integers(0, 4), "oos": st.just(0.0),
    })  # fmt: skip
    anything = messages(tuple(COMPANY.intents))
    script = data.draw(st.lists(st.one_of(usual, usual, usual, anything), min_size=12, max_size=30))
    fault = data.draw(st.sampled_from(FAULTS))
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(converse(script, index, Path(folder), phone, fault))
