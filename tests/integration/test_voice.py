"""Customers who talk to the running product: recordings go in as from a microphone, everything behind them is real."""

import asyncio
import time

import httpx
import numpy as np
import pytest

from server.speech.vad import RATE
from tests.support.clients import PATIENCE_S, Agent, log_in
from tests.support.gateway import Gateway
from tests.support.voice import Talker, quiet, said


@pytest.fixture
async def talker(product):
    async with Talker(product.url) as connected:
        yield connected


async def record_of(product, talker: Talker, seq: int) -> dict:
    """The decision record of a turn, once it is over: what was said in it may be heard before."""
    async with log_in(product.url, "admin", product.passwords["admin"]) as rest, asyncio.timeout(PATIENCE_S):
        while True:
            answer = await rest.get(f"/api/conversations/{talker.conversation}/decisions")
            assert answer.status_code == 200
            record = next(one for one in answer.json()["items"] if one["seq"] == seq)
            if record["status"] == "done":
                return record
            await asyncio.sleep(0.1)


async def test_a_spoken_question_is_answered_aloud(product, talker):
    await talker.hello("en")
    await talker.microphone_on()
    heard = await talker.say_aloud("I want to talk to a person.")
    assert heard["text"] == "I want to talk to a person."
    assert heard["stable"] == len(heard["text"])
    assert heard["confidence"] > 0.55
    partials = [f for f in talker.frames if f["type"] == "transcript" and not f["final"]]
    assert partials
    own = await talker.wait("message", role="customer")
    assert (own["text"], own["voice"]) == (heard["text"], True)
    reply = await talker.wait("message", role="bot", audio=True)
    sound = await talker.wait("audio", seq=reply["seq"])
    assert sound["rate"] > 8000
    assert len(sound["pcm"]) > 1000
    assert (await record_of(product, talker, own["seq"]))["speech"]["confidence"] == heard["confidence"]


async def moment(talker: Talker, kind: str, after: int, **fields: object) -> float:
    await talker.wait(kind, after=after, **fields)
    return time.monotonic()


async def test_a_listening_noise_lets_the_bot_go_on_and_an_interruption_is_kept(product, talker):
    await talker.hello("en")
    await talker.microphone_on(lang="en")
    first = asyncio.create_task(moment(talker, "audio", 0))
    await talker.say_aloud("What can you do for me?")
    began = await first
    start = len(talker.frames)
    pauses, goes_on = (asyncio.create_task(moment(talker, "audio_lower", start, on=on)) for on in (True, False))
    await talker.talk(said("Yeah."), quiet(1.5))
    spoken = await pauses - began
    went_on = await goes_on
    assert not [f for f in talker.frames[start:] if f["type"] == "audio_stop"]
    assert not [f for f in talker.messages(start) if f["role"] == "customer"]

    start = len(talker.frames)
    pauses = asyncio.create_task(moment(talker, "audio_lower", start, on=True))
    await talker.say_aloud("No, stop, I want to talk to a person.")
    spoken += await pauses - went_on
    stopped = (await talker.wait("audio_stop", after=start))["seq"]
    own = await talker.wait("message", after=start, role="customer")
    assert "person" in own["text"]
    async with log_in(product.url, "admin", product.passwords["admin"]) as rest:
        whole = (await rest.get(f"/api/conversations/{talker.conversation}")).json()
    kept = next(one for one in whole["messages"] if one["seq"] == stopped)
    assert kept["text"].startswith(kept["heard"]["text"])
    assert len(kept["heard"]["text"]) < len(kept["text"])
    # What was silent was not heard; a frame may have been on its way for a moment.
    assert kept["heard"]["ms"] < 1000 * spoken + 300


async def test_chinese_is_understood_answered_and_handed_to_the_browsers_voice(product, talker):
    await talker.hello("zh")
    await talker.microphone_on()
    heard = await talker.say_aloud("我要转人工客服")
    assert heard["text"].rstrip("。") == "我要转人工客服"
    own = await talker.wait("message", role="customer")
    assert (own["text"], own["voice"]) == (heard["text"], True)
    assert (await record_of(product, talker, own["seq"]))["speech"]["language"] == "zh"
    reply = await talker.wait("message", role="bot", after=talker.frames.index(own))
    spoken = await talker.wait("speak", seq=reply["seq"])
    assert spoken["language"] == "zh"
    assert "".join(spoken["parts"])[:4] in reply["text"]
    await talker.wait("mode", mode="waiting")


async def test_a_chinese_number_is_read_back_and_written_as_printed(talker):
    await talker.hello("zh")
    await talker.microphone_on(lang="zh")
    start = len(talker.frames)
    await talker.say_aloud("我的手机号码是一三八，零零一二，三四五六")
    asked = await talker.wait("message", role="bot", after=start)
    assert "13800123456" in asked["text"]
    assert not [f for f in talker.messages() if f["role"] == "customer"]


async def test_a_number_is_read_back_before_it_counts(talker):
    await talker.hello("en")
    await talker.microphone_on(lang="en")
    await talker.say_aloud("My order number is Q H, 4 8 2 1, 0 9 3 7.")
    asked = await talker.wait("message", role="bot", audio=True)
    assert "QH48210937" in asked["text"]
    assert not [f for f in talker.messages() if f["role"] == "customer"]
    await talker.send("choice", id="yes", seq=asked["seq"], value=asked["choices"][0]["value"])
    own = await talker.wait("message", role="customer")
    assert "QH48210937" in own["text"]


async def test_press_and_talk_ends_with_the_button(talker):
    await talker.hello("en")
    voice = await talker.microphone_on(hold=True)
    await talker.talk(said("I want to talk to a person."), quiet(1.5))
    assert not [f for f in talker.frames if f["type"] == "transcript" and f["final"]]
    await talker.microphone_off()
    await talker.wait("transcript", final=True)
    assert (await talker.wait("voice_end", id=voice))["why"] == "released"


def noise() -> np.ndarray:
    return np.random.default_rng(2).normal(0, 3000, 2 * RATE)


def music() -> np.ndarray:
    """A tune with its chords, each note struck and dying away."""
    moments = np.arange(RATE // 2) / RATE
    notes = [(262, 330, 392), (349, 440, 523), (392, 494, 587), (262, 330, 523)] * 2
    struck = np.exp(-4 * moments)
    return (
        np.concatenate(
            [
                sum(struck * np.sin(2 * np.pi * tone * k * moments) / k for tone in chord for k in (1, 2, 3))
                for chord in notes
            ]
        )
        * 3000
    )


@pytest.mark.parametrize("sound", [noise, music])
async def test_silence_noise_and_music_are_no_messages(talker, sound):
    await talker.hello("en")
    await talker.microphone_on()
    await talker.talk(sound().astype(np.int16), quiet(1.5))
    await talker.microphone_off()
    await talker.wait("voice_end")
    assert not [f for f in talker.frames if f["type"] == "transcript" and f["final"]]
    assert not [f for f in talker.messages() if f["role"] == "customer"]


@pytest.mark.parametrize(
    ("words", "voice"),
    [
        (("en", "The router shows a red light and there is no internet.", "The", "I can see it."), "audio"),
        (("zh", "我家的宽带上不了网", "我家", "我看到了，请您先重启光猫。"), "speak"),
    ],
    ids=["en", "zh"],
)
async def test_an_agent_reads_along_and_is_spoken(product, talker, words, voice):
    language, question, begins, answer = words
    await talker.hello(language)
    async with log_in(product.url, "lin", product.passwords["lin"]) as rest, Agent(product.url, rest) as agent:
        await agent.hello()
        await agent.send("presence", state="online")
        await talker.send("human", id="person")
        await talker.wait("mode", mode="waiting")
        assert (await agent.do("take", talker.conversation))["type"] == "ack"
        await agent.send("open", conversation=talker.conversation)
        await talker.microphone_on(lang=language)
        start = len(agent.frames)
        heard = await talker.say_aloud(question)
        live = await agent.wait("typing", after=start, conversation=talker.conversation, on=True)
        assert live["text"].startswith(begins)
        written = await agent.wait("message", after=start, conversation=talker.conversation, role="customer")
        assert written["text"] == heard["text"]
        await agent.do("message", talker.conversation, text=answer)
        reply = await talker.wait("message", role="agent")
        assert reply.get("audio", False) is (voice == "audio")
        await talker.wait(voice, seq=reply["seq"])
        await agent.do("close", talker.conversation)


@pytest.mark.parametrize(
    ("data", "code"), [(b"\x00" * 641, "bad_frame"), (b"\x00" * 40_000, "too_large")], ids=["half a sample", "too much"]
)
async def test_odd_sound_is_refused_and_the_rest_is_heard(talker, data, code):
    await talker.hello("en")
    voice = await talker.microphone_on()
    await talker.send_raw(data)
    assert (await talker.wait("error", id=voice))["code"] == code
    assert "person" in (await talker.say_aloud("I want to talk to a person."))["text"]


async def test_an_hour_of_sound_at_once_switches_the_microphone_off(product, talker):
    await talker.hello("en")
    voice = await talker.microphone_on()
    second = b"\x00" * (RATE * 2 // 2)
    for _ in range(60):
        await talker.send_raw(second)
    assert (await talker.wait("error", code="rate_limited"))["id"] == voice
    assert (await talker.wait("voice_end", id=voice))["why"] == "too_fast"
    async with Talker(product.url) as other:
        await other.hello("en")
        await other.microphone_on()
        assert "person" in (await other.say_aloud("I want to talk to a person."))["text"]


async def test_a_microphone_without_end_is_switched_off(tmp_path):
    gateway = Gateway(tmp_path / "data", environment={"KEFU_SPEECH_SESSION_MINUTES": "0.05"})
    gateway.start()
    try:
        async with Talker(gateway.url) as endless:
            await endless.hello("en")
            voice = await endless.microphone_on()
            start = len(endless.frames)
            silence = asyncio.create_task(endless.talk(quiet(15.0)))
            try:
                assert (await endless.wait("voice_end", id=voice))["why"] == "too_long"
                told = await endless.wait("message", role="bot", after=start)
                assert "microphone" in told["text"]
            finally:
                silence.cancel()
                await asyncio.gather(silence, return_exceptions=True)
    finally:
        gateway.stop()


async def test_a_second_microphone_of_one_customer_takes_the_first_ones_place(talker):
    await talker.hello("en")
    first = await talker.microphone_on()
    await talker.microphone_on()
    assert (await talker.wait("voice_end", id=first))["why"] == "replaced"


async def test_the_model_service_refuses_what_is_no_recording(product):
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{product.internal_port}") as models:
        answers = await asyncio.gather(
            models.post("/speech/text?session=a", content=b"\x00" * 3),
            models.post("/speech/text?session=a", content=b"\x00" * 2_000_000),
        )
    assert [one.status_code for one in answers] == [422, 413]
