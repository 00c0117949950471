"""The whole way of a spoken sentence in a real browser: microphone, worklet, socket, recogniser, reply, loudspeaker."""

import json
import wave
from pathlib import Path

import httpx
import numpy as np
import pytest
from playwright.sync_api import Page, expect
from scipy.signal import resample_poly

from server.speech.vad import RATE
from tests.support.pages import Customer, with_microphone
from tests.support.voice import quiet, said

CARD_RATE = 48_000
TALK = {"en": "Talk: press once for hands-free", "zh": "语音输入"}
STOP = {"en": "Switch the microphone off", "zh": "关闭麦克风"}
QUESTION = "How do I reset my password?"
INTERRUPTION = "No, stop, I want to talk to a person."

LISTENING = "Yeah."

# Pieces of sound that begin and are stopped, and what the server said of them in between.
WATCH_SOUND = """() => {
    window.sounds = [];
    const { start, stop } = AudioBufferSourceNode.prototype;
    AudioBufferSourceNode.prototype.start = function (...at) { sounds.push('start'); return start.apply(this, at); };
    AudioBufferSourceNode.prototype.stop = function (...at) { sounds.push('stop'); return stop.apply(this, at); };
    window.WebSocket = class extends WebSocket {
        constructor(...all) {
            super(...all);
            this.addEventListener('message', ({ data }) => {
                const frame = typeof data === 'string' ? JSON.parse(data) : {};
                if (frame.type === 'audio_lower') sounds.push(frame.on ? 'pause' : 'go on');
                if (frame.type === 'audio_stop') sounds.push('cut');
            });
        }
    };
}"""
# Chromium without a window has no voices of its own.
VOICE_OF_THE_BROWSER = """() => {
    window.spoken = [];
    Object.defineProperty(window, 'speechSynthesis', { value: {
        speak(one) { window.spoken.push([one.lang, one.text]); setTimeout(() => one.onend(), 20); },
        cancel() {},
        pause() {},
        resume() {},
        getVoices: () => [],
    } });
}"""


def recorded(path: Path, *parts: np.ndarray) -> Path:
    samples = resample_poly(np.concatenate(parts).astype(float), CARD_RATE, RATE).clip(-32768, 32767).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(CARD_RATE)
        file.writeframes(samples.tobytes())
    return path


@pytest.fixture
def talker_with(browser, tmp_path):
    """Makes a customer whose microphone plays a recording."""
    open_now = []

    def make(language: str, *parts: np.ndarray) -> Customer:
        running = with_microphone(browser, recorded(tmp_path / "microphone.wav", *parts))
        customer = Customer(running.__enter__(), language)
        open_now.append((running, customer))
        customer.context.grant_permissions(["microphone"])
        customer.page.on("websocket", lambda socket: socket.on("framereceived", lambda data: welcomed(customer, data)))
        customer.context.add_init_script(f"({WATCH_SOUND})(); ({VOICE_OF_THE_BROWSER})();")
        return customer

    yield make
    for running, customer in open_now:
        problems = customer.problems
        customer.close()
        running.__exit__(None, None, None)
        assert problems == []


def welcomed(customer: Customer, data: str | bytes) -> None:
    """Notes the conversation's id, which the page itself does not show."""
    frame = json.loads(data) if isinstance(data, str) else {}
    if frame.get("type") == "welcome":
        customer.conversation = frame["conversation"]


def sounds(page: Page) -> list[str]:
    return page.evaluate("() => window.sounds")


def test_a_question_is_asked_and_the_answer_listened_to_and_interrupted_by_voice(product, talker_with):
    listens, interrupts = (quiet(10.0), said(LISTENING)), (quiet(3.0), said(INTERRUPTION), quiet(4.0))
    customer = talker_with("en", quiet(2.0), said(QUESTION), *listens, *interrupts)
    customer.open_chat(product.url)
    microphone = customer.widget.get_by_role("button", name=TALK["en"])
    microphone.click()
    bar = customer.widget.get_by_role("group", name="Voice")
    expect(bar).to_contain_text("Listening")
    expect(bar).to_contain_text("is not kept")
    # The pointer is still over it: that it is on must be seen all the same.
    expect(customer.widget.locator(".microphone.on")).to_have_css("background-color", "rgb(179, 38, 30)")
    expect(customer.widget.locator(".live")).to_be_visible()
    expect(customer.own.first).to_contain_text("reset my password")
    expect(bar).to_contain_text("speak any time to interrupt")
    assert "start" in sounds(customer.page)

    customer.page.wait_for_function("() => sounds.includes('go on')")
    expect(customer.own).to_have_count(1)
    expect(customer.own.nth(1)).to_contain_text("person")
    log = sounds(customer.page)
    pause, on = log.index("pause"), log.index("go on")
    assert set(log[pause + 1 : on]) == {"stop"}  # silent, and nothing begins
    assert "cut" not in log[:on]
    assert log[on + 1] == "start"
    assert "start" not in log[log.index("pause", on) : log.index("cut", on)]
    assert_interrupted(product, customer)
    customer.widget.get_by_role("button", name=STOP["en"]).first.click()
    expect(microphone).to_be_visible()


def assert_interrupted(product, customer: Customer) -> None:
    """The record keeps what was heard of the answer, and no more."""
    with httpx.Client(base_url=product.url, headers={"X-Kefu": "1"}) as rest:
        login = {"username": "admin", "password": product.passwords["admin"]}
        assert rest.post("/api/session", json=login).status_code == 200
        whole = rest.get(f"/api/conversations/{customer.conversation}").json()
    cut = [one for one in whole["messages"] if one["role"] == "bot" and "heard" in one]
    assert cut
    assert all(one["text"].startswith(one["heard"]["text"]) for one in cut)
    assert any(len(one["heard"]["text"]) < len(one["text"]) for one in cut)


def test_press_and_talk_with_the_keyboard_and_a_reply_in_the_browsers_voice(product, talker_with):
    customer = talker_with("zh", quiet(30.0))
    customer.open_chat(product.url)
    microphone = customer.widget.get_by_role("button", name=TALK["zh"])
    microphone.focus()
    customer.page.keyboard.down(" ")
    bar = customer.widget.get_by_role("group", name="语音")
    expect(bar).to_contain_text("松开后发送")
    customer.page.keyboard.up(" ")
    expect(customer.answers.last).to_contain_text("我没有听到声音")
    customer.page.wait_for_function("() => window.spoken.length > 0")
    language, text = customer.page.evaluate("() => window.spoken[0]")
    assert language == "zh-CN"
    assert text.startswith("我没有听到声音")
    expect(microphone).to_be_visible()
    expect(customer.own).to_have_count(0)


def test_a_blocked_microphone_is_explained(product, customer_in):
    customer = customer_in("en")
    customer.open_chat(product.url)
    customer.page.evaluate(
        "() => { navigator.mediaDevices.getUserMedia ="
        " () => Promise.reject(new DOMException('blocked', 'NotAllowedError')); }"
    )
    customer.widget.get_by_role("button", name=TALK["en"]).click()
    alert = customer.widget.get_by_role("alert")
    expect(alert).to_contain_text("The microphone is blocked")
    alert.get_by_role("button").click()
    expect(alert).to_have_count(0)
