"""Somebody who talks on without a pause: real voice, activity detector and recogniser, with the test's own clock."""

from pathlib import Path

import numpy as np
import pytest

from server.speech.turn_events import Begin, Divide, Effect, End, Frame, Heard, Recognise, Send
from server.speech.turn_taking import FRAME_S, TurnTaking
from server.speech.vad import FRAME, VoiceActivity, level
from server.speech.whisper import Whisper
from server.speech.words import distance, units
from tests.support.voice import quiet, said

QUIET_DB = -45.0
SENTENCES = (
    "我家的宽带从昨天晚上开始就上不了网",
    "我已经把路由器重启了三次",
    "今天早上我给你们打过电话",
    "师傅说明天下午上门",
    "可是我明天下午要上班",
    "所以我想问一下能不能改到周末",
    "还有这个月的话费比上个月多了三十块钱",
    "我没有开通别的业务",
    "请帮我查一下是什么原因",
    "如果是你们扣错了请把钱退给我",
    "另外我妈妈的手机也上不了网",
    "她用的是最便宜的套餐",
    "我想知道每个月有多少流量",
    "家里的电视也经常没有画面",
    "遥控器按了以后没有反应",
    "麻烦你们尽快派人过来看一看",
)


def without_pauses(sentence: str) -> np.ndarray:
    samples = said(sentence)
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
    return frames[[level(frame) > QUIET_DB for frame in frames]].ravel()


def test_a_long_monologue_is_heard_to_its_last_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEFU_DATA_DIR", str(tmp_path))
    samples = np.concatenate([quiet(0.5), *map(without_pauses, SENTENCES), quiet(1.0)])
    assert len(samples) / 16_000 > 30
    core, activity, whisper = TurnTaking(), VoiceActivity(), Whisper()
    core.handle(Frame(0.0, 0.0))
    sounds: dict[int, np.ndarray] = {}
    sent: list[str] = []
    divided, begun = 0, 0

    def act(effect: Effect, now: float, upto: int) -> list[Effect]:
        nonlocal divided, begun
        match effect:
            case Begin():
                begun = upto - 10 * FRAME
            case Divide():
                divided += 1
                sounds[effect.utterance] = samples[begun : upto - effect.frames * FRAME]
                begun = upto - effect.frames * FRAME
            case Recognise(kind="final"):
                sound = sounds.get(effect.utterance, samples[begun:upto])
                found = whisper.recognise(sound, language="zh", final=True)
                return core.handle(
                    Heard(now, effect.utterance, effect.version, "final", found.text, 0.9, found.rejected)
                )
            case Send():
                sent.append(effect.text)
            case End(why=why):
                assert why == "sent"
        return []

    for upto in range(FRAME, len(samples), FRAME):
        now = upto / FRAME * FRAME_S
        frame = samples[upto - FRAME : upto]
        todo = core.handle(Frame(now, activity.probability(frame), level(frame)))
        while todo:
            todo += act(todo.pop(0), now, upto)
    assert divided >= 1
    assert len(sent) == divided + 1
    said_words, heard_words = "".join(SENTENCES), "".join(sent)
    assert abs(len(units(heard_words)) - len(units(said_words))) <= len(said_words) // 20
    assert distance(heard_words, said_words) <= len(said_words) // 4
