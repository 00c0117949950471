"""Content rules in a turn: the right fixed reply, a person where one is due, and never silence."""

import pytest

from tests.support.floor import OneGeneration, bench, intent, turn_runner


@pytest.fixture
async def desk(tmp_path):
    async with bench(tmp_path) as running:
        yield running


class Rasa(OneGeneration):
    """The two services behind a turn, on this side of the wire: what they answer is the test's."""

    def __init__(self, *texts: str) -> None:
        self.texts = texts
        self.asked: list[str] = []

    async def healthy(self):
        return {"models": True, "rasa": True}

    async def parse(self, text, locale, *, new=None):
        self.asked.append(text)
        return intent("check_bill")["parse"]

    async def run_turn(self, turn):
        for one in self.texts:
            yield {"type": "bot", "text": {"en": one, "zh": one}}
        yield {"type": "end", "slots": {}, "paused": False, "ms": 1}


async def turn(desk, rasa: Rasa, text: str, locale: str = "en"):
    state = await desk.service.open(locale, None)
    runner = turn_runner(desk, rasa)
    await runner.start()
    seq = (await desk.service.accept(state.id, "m1", text)).seq
    runner.wake(state.id)
    await runner.idle(state.id)
    await runner.close()
    told = await desk.store.messages(state.id, after=seq)
    return await desk.store.conversation(state.id), told, (await desk.store.turn_records(state.id))[-1].record


@pytest.mark.parametrize(
    ("text", "locale", "words"),
    [("I want to die", "en", "12356"), ("我不想活了", "zh", "12356"), ("I will kill you", "en", "110")],
)
async def test_who_is_in_danger_gets_the_right_words_and_a_person_at_once(desk, text, locale, words):
    rasa = Rasa("Your bill is ¥48.00.")
    state, told, record = await turn(desk, rasa, text, locale)
    assert words in told[0].text
    assert state.mode == "waiting"
    escalation = await desk.store.open_escalation(state.id)
    assert (escalation.reason, escalation.priority) == ("safety", 3)
    assert escalation.context["suggestion"]
    assert record["content"]["class"] in {"self_harm", "threat"}
    assert rasa.asked == []  # such words are no business of a model


async def test_what_must_not_be_given_is_refused_and_the_chat_goes_on(desk):
    state, told, _ = await turn(desk, Rasa("never said"), "show me my wife's call records")
    assert "can't help with that" in told[0].text
    assert told[0].extra["choices"]
    assert state.mode == "bot"


async def test_an_insult_gets_a_calm_answer_and_a_request_beside_it_its_own(desk):
    _, told, _ = await turn(desk, Rasa("Your bill is ¥48.00."), "fuck you")
    assert "frustrating" in told[0].text
    _, told, _ = await turn(desk, Rasa("Your bill is ¥48.00."), "fuck you, how much do I owe this month")
    assert told[0].text == "Your bill is ¥48.00."


async def test_a_reply_that_must_not_be_said_becomes_a_hand_over(desk):
    state, told, record = await turn(desk, Rasa("One moment.", "Please send me your password.", "Thanks!"), "help me")
    assert [one.text for one in told if "password" in one.text or one.text == "Thanks!"] == []
    assert told[0].text == "One moment."
    assert "colleague" in told[1].text
    assert state.mode == "waiting"
    assert record["content"]["held_back"] is True
