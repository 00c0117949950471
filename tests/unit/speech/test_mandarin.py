import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.speech.mandarin import Syllable, number, phrases, syllable
from server.speech.mandarin_voice import MandarinVoice
from server.speech.vad import level


@pytest.mark.parametrize(
    ("figures", "said"),
    [
        ("0", "零"),
        ("10", "十"),
        ("15", "十五"),
        ("101", "一百零一"),
        ("110", "一百一十"),
        ("1001", "一千零一"),
        ("129", "一百二十九"),
        ("3.5", "三点五"),
        ("007", "零零七"),
        ("19900000101", "幺九九零零零零零幺零幺"),
    ],
)
def test_figures_are_said_as_people_say_them(figures, said):
    assert number(figures) == said


@pytest.mark.parametrize(
    ("written", "heard"),
    [
        ("zhong1", Syllable("zh", "ong", 1)),
        ("shi4", Syllable("sh", "iii", 4)),
        ("zi5", Syllable("z", "ii", 5)),
        ("liu2", Syllable("l", "iou", 2)),
        ("xue2", Syllable("x", "ve", 2)),
        ("lve4", Syllable("l", "ve", 4)),
        ("yuan2", Syllable("", "van", 2)),
        ("wei4", Syllable("", "uei", 4)),
        ("er4", Syllable("", "er", 4)),
        ("dun4", Syllable("d", "uen", 4)),
    ],
)
def test_pinyin_is_taken_apart(written, heard):
    assert syllable(written) == heard


def test_readings_follow_the_phrase_and_marks_are_pauses():
    assert [[f"{s.initial}{s.final}" for s in phrase] for phrase in phrases("银行，不行！")] == [
        ["in", "hang"],
        ["bu", "xing"],
    ]
    assert phrases("……  !") == []


@given(st.text(max_size=40))
def test_any_text_can_be_read(text):
    assert all(1 <= one.tone <= 5 and one.final for phrase in phrases(text) for one in phrase)


def test_the_voice_speaks_and_says_nothing_for_nothing():
    voice = MandarinVoice()
    sound = voice.say("您好，R3 路由器 129 元。")
    samples = np.frombuffer(sound.pcm, "<i2")
    assert 2.0 < len(samples) / sound.rate < 8.0
    assert level(samples) > -40
    assert voice.say("您好，R3 路由器 129 元。") == sound
    assert not np.frombuffer(voice.say("…").pcm, "<i2").any()
