"""Turn-taking with a clock of the test's own: what happens, never how long a machine took."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from hypothesis import example, given, settings
from hypothesis import strategies as st

from server.speech.turn_events import (
    Answered,
    Begin,
    Close,
    Cut,
    Decoding,
    Divide,
    Effect,
    End,
    Event,
    Frame,
    Gone,
    GoOn,
    HandOver,
    Heard,
    Hold,
    Moved,
    Pause,
    Played,
    Recognise,
    Released,
    Resume,
    Say,
    Send,
    Show,
    Speaking,
    Started,
    Tick,
)
from server.speech.turn_taking import FRAME_S, TurnTaking


@dataclass
class Talk:
    """Drives the state machine: speech and silence in seconds, and a recogniser that answers when it is told to."""

    core: TurnTaking = field(default_factory=TurnTaking)
    now: float = 0.0
    log: list[tuple[float, Effect]] = field(default_factory=list)

    def do(self, event: Event) -> list[Effect]:
        effects = self.core.handle(event)
        self.log += [(self.now, effect) for effect in effects]
        return effects

    def frames(self, seconds: float, probability: float, level: float = -30.0) -> list[Effect]:
        found = []
        for _ in range(round(seconds / FRAME_S)):
            self.now += FRAME_S
            found += self.do(Frame(self.now, probability, level))
        return found

    def asked(self, kind: str = "final") -> Recognise:
        return next(e for _, e in reversed(self.log) if isinstance(e, Recognise) and e.kind == kind)

    def heard(
        self, text: str, confidence: float = 0.8, *, rejected: bool = False, kind: Decoding = "final"
    ) -> list[Effect]:
        asked = self.asked(kind)
        return self.do(Heard(self.now, asked.utterance, asked.version, kind, text, confidence, rejected))

    def say(self, text: str, confidence: float = 0.8, seconds: float = 1.0, *, rejected: bool = False) -> list[Effect]:
        """A whole utterance, recognised in its pause."""
        found = self.frames(seconds, 0.9) + self.frames(0.3, 0.1)
        found += self.heard(text, confidence, rejected=rejected)
        return found + self.frames(0.4, 0.1)

    def bot(self, seq: int, text: str = "You have three gigabytes left.", *, asks: bool = False) -> None:
        self.do(Speaking(self.now, seq, text, asks))

    def of(self, kind: type) -> list:
        return [effect for _, effect in self.log if isinstance(effect, kind)]


def kinds(effects: list[Effect]) -> list[type]:
    return [type(effect) for effect in effects]


def test_speech_becomes_a_message() -> None:
    talk = Talk()
    effects = talk.say("how much data do I have left")
    assert kinds(effects) == [Begin, Recognise, Recognise, Show, Send, End]
    assert talk.of(Send) == [Send(1, "how much data do I have left", 0.8)]


def test_a_noise_peak_is_no_speech() -> None:
    talk = Talk()
    assert talk.frames(0.06, 0.66) + talk.frames(0.5, 0.1) + talk.frames(0.06, 0.66) == []


def test_partials_come_while_speaking_one_at_a_time() -> None:
    talk = Talk()
    talk.frames(4.0, 0.9)
    assert len(talk.of(Recognise)) == 1
    asked = talk.asked("partial")
    assert talk.do(Heard(talk.now, asked.utterance, asked.version, "partial", "how much")) == [Show(1, "how much")]
    talk.frames(1.0, 0.9)
    assert len(talk.of(Recognise)) == 2


def test_a_pause_that_goes_on_is_one_utterance() -> None:
    talk = Talk()
    talk.frames(1.0, 0.9)
    talk.frames(0.3, 0.1)
    early = talk.asked()
    talk.frames(0.5, 0.9)
    # What was decoded in the pause comes too late: it is of half the utterance.
    assert talk.do(Heard(talk.now, early.utterance, early.version, "final", "how much", 0.9)) == []
    talk.frames(0.3, 0.1)
    talk.heard("how much data is left")
    talk.frames(0.3, 0.1)
    assert [e.text for e in talk.of(Send)] == ["how much data is left"]


def test_hesitation_is_given_time() -> None:
    talk = Talk()
    talk.frames(1.0, 0.9)
    talk.frames(0.3, 0.1)
    talk.heard("my number is")
    assert talk.frames(0.6, 0.1) == []
    talk.frames(1.0, 0.9)
    talk.frames(0.3, 0.1)
    talk.heard("my number is wrong")
    talk.frames(0.3, 0.1)
    assert [e.text for e in talk.of(Send)] == ["my number is wrong"]


def test_hesitation_that_never_ends_is_sent_all_the_same() -> None:
    talk = Talk()
    talk.say("I want to")
    talk.frames(1.2, 0.1)
    assert [e.text for e in talk.of(Send)] == ["I want to"]


def after(talk: Talk, began: float, kind: type) -> float:
    """Seconds from a moment to the first such effect after it."""
    return next(at for at, effect in talk.log if at >= began and isinstance(effect, kind)) - began


def test_the_bot_is_silent_at_the_first_sound_and_knows_soon_that_it_is_more_than_a_listening_noise() -> None:
    talk = Talk()
    talk.bot(7)
    began = talk.now
    talk.frames(1.6, 0.9)
    assert after(talk, began, Pause) <= 0.1
    assert 1.2 <= after(talk, began, Hold) <= 1.3


def test_the_bot_stops_as_soon_as_the_words_are_an_interruption() -> None:
    talk = Talk()
    talk.bot(7)
    talk.frames(0.3, 0.9)
    talk.frames(0.3, 0.1)
    assert talk.heard("stop") == [Hold(7)]
    assert Cut(7) in talk.frames(0.3, 0.1)


def test_the_bot_goes_on_as_soon_as_it_was_a_listening_noise_and_not_when_the_pause_is_over() -> None:
    for noise in ("嗯", "嗯嗯", "uh-huh", "Yeah."):
        talk = Talk()
        talk.bot(7)
        talk.frames(0.4, 0.9)
        ended = talk.now
        talk.frames(0.13, 0.1)
        assert after(talk, ended, Recognise) <= 0.1
        assert talk.heard(noise, 0.3, kind="quick") == [GoOn(7)]
        talk.frames(0.2, 0.1)
        assert talk.heard(noise) == []
        talk.frames(1.5, 0.1)
        assert [e.why for e in talk.of(End)] == ["backchannel"]
        assert (talk.of(Pause), talk.of(GoOn), talk.of(Hold), talk.of(Send)) == ([Pause(7)], [GoOn(7)], [], [])


def test_who_goes_on_after_a_listening_noise_is_listened_to_again() -> None:
    talk = Talk()
    talk.bot(7)
    talk.frames(0.4, 0.9)
    talk.frames(0.13, 0.1)
    assert talk.heard("yeah", kind="quick") == [GoOn(7)]
    again = talk.now
    talk.frames(1.5, 0.9)
    assert after(talk, again, Pause) <= 0.1
    talk.frames(0.3, 0.1)
    talk.heard("yeah but that is not my bill")
    talk.frames(0.3, 0.1)
    assert [type(e) for _, e in talk.log if isinstance(e, Pause | GoOn | Hold | Cut | Send)] == [
        *(Pause, GoOn, Pause, Hold, Cut, Send)
    ]
    assert [e.text for e in talk.of(Send)] == ["yeah but that is not my bill"]


def test_what_a_quick_look_is_not_sure_of_waits_for_the_final_one() -> None:
    talk = Talk()
    talk.bot(7)
    talk.frames(0.4, 0.9)
    talk.frames(0.13, 0.1)
    assert talk.heard("stop", 0.3, kind="quick") == []
    talk.frames(0.2, 0.1)
    assert talk.heard("stop", 0.5) == [Hold(7)]
    talk.frames(0.3, 0.1)
    assert (talk.of(GoOn), talk.of(Cut)) == ([], [Cut(7)])


def test_what_is_sure_at_the_first_look_stops_the_bot() -> None:
    talk = Talk()
    talk.bot(7)
    talk.frames(0.4, 0.9)
    talk.frames(0.13, 0.1)
    assert talk.heard("wait", 0.6, kind="quick") == [Hold(7)]
    talk.frames(0.3, 0.9)
    assert talk.heard("yeah", 0.6, kind="quick") == []  # of what was said before


def test_a_sound_too_short_for_speech_pauses_the_bot_no_longer_than_it_lasts() -> None:
    talk = Talk()
    talk.bot(7)
    effects = talk.frames(2 * FRAME_S, 0.9) + talk.frames(FRAME_S, 0.1)
    assert effects == [Pause(7), GoOn(7)]


def test_speech_that_begins_doubtfully_pauses_the_bot_as_soon() -> None:
    talk = Talk()
    talk.bot(7)
    effects = [effect for probability in (0.45, 0.55, 0.45, 0.7) for effect in talk.frames(FRAME_S, probability)]
    assert effects == [Pause(7)]


def test_a_longer_listening_noise_is_waited_out() -> None:
    talk = Talk()
    talk.bot(7)
    talk.frames(0.55, 0.9)
    asked = talk.asked("partial")
    talk.do(Heard(talk.now, asked.utterance, asked.version, "partial", "嗯嗯", 0.8))
    talk.frames(0.4, 0.9)
    talk.frames(0.3, 0.1)
    talk.heard("嗯嗯，好的")
    talk.frames(0.3, 0.1)
    assert (talk.of(Pause), talk.of(Hold), talk.of(GoOn)) == ([Pause(7)], [], [GoOn(7)])


def test_barge_in_cuts_and_sends() -> None:
    talk = Talk()
    talk.bot(7)
    effects = talk.say("no wait I meant my broadband bill")
    assert Hold(7) in effects
    assert Cut(7) in effects
    assert Resume(7) not in effects
    assert effects.index(Cut(7)) < kinds(effects).index(Send)


def test_a_cough_does_not_interrupt() -> None:
    talk = Talk()
    talk.bot(7)
    effects = talk.say("I'll", 0.3, seconds=0.4)
    assert GoOn(7) in effects
    assert Hold(7) not in effects
    assert not talk.of(Say)


def test_no_pause_lasts_for_ever() -> None:
    """The recogniser never answers, and the microphone falls silent or sends nothing more."""
    for silence in (lambda talk: talk.frames(9.0, 0.1), lambda talk: talk.do(Tick(talk.now + 9.0))):
        for seconds, goes_on in ((2 * FRAME_S, GoOn(7)), (0.4, GoOn(7)), (1.5, Resume(7))):
            talk = Talk()
            talk.bot(7)
            talk.frames(seconds, 0.9)
            assert goes_on in silence(talk)


def test_what_was_said_before_the_microphone_fell_silent_is_still_recognised() -> None:
    talk = Talk()
    talk.bot(7)
    talk.frames(1.0, 0.9)
    assert kinds(talk.do(Gone(talk.now))) == [Recognise]
    assert kinds(talk.heard("stop, that is not my bill")) == [Show, Cut, Send, End]
    talk.bot(9)
    talk.do(Started(talk.now))
    talk.frames(2 * FRAME_S, 0.9)
    assert talk.do(Gone(talk.now)) == [GoOn(9)]


def test_who_switches_on_anew_in_a_pause_keeps_what_was_recognised_in_it() -> None:
    talk = Talk()
    talk.frames(1.0, 0.9)
    talk.frames(0.3, 0.1)
    talk.heard("my bill is wrong")
    assert kinds(talk.do(Started(talk.now))) == [Show, Send, End]
    talk.say("and my phone is lost")
    assert [e.text for e in talk.of(Send)] == ["my bill is wrong", "and my phone is lost"]


def test_noises_that_pause_in_vain_again_and_again_pause_no_more_but_words_do() -> None:
    talk = Talk()
    talk.bot(7)
    for _ in range(5):
        talk.say("", seconds=0.4, rejected=True)
    assert talk.of(Pause) == [Pause(7)] * 3
    assert talk.of(GoOn) == [GoOn(7)] * 3
    talk.frames(0.5, 0.9)
    asked = talk.asked("partial")
    assert Hold(7) in talk.do(Heard(talk.now, asked.utterance, asked.version, "partial", "wait a moment", 0.8))
    talk.frames(0.3, 0.1)
    talk.heard("wait a moment please")
    talk.frames(0.4, 0.1)
    assert talk.of(Cut) == [Cut(7)]
    talk.bot(9)
    assert talk.frames(0.1, 0.9)[0] == Pause(9)


def test_a_loudspeaker_that_is_heard_does_not_make_every_reply_stutter() -> None:
    talk = Talk()
    for seq in (7, 8, 9, 10):
        talk.bot(seq, "You have three gigabytes left until the end of the month.")
        talk.say("three gigabytes left", seconds=0.5)
        talk.do(Played(talk.now, seq, 1.0, done=True))
    assert talk.of(Pause) == [Pause(7), Pause(8), Pause(9)]


def test_yeah_answers_a_question_that_was_heard() -> None:
    talk = Talk()
    talk.bot(7, "Shall I restart the line?", asks=True)
    talk.frames(0.4, 0.9)
    talk.do(Played(talk.now, 7, 0.95))
    talk.frames(0.3, 0.1)
    talk.heard("yeah")
    talk.frames(0.3, 0.1)
    assert [e.text for e in talk.of(Send)] == ["yeah"]


def test_a_long_yeah_is_more_than_a_noise() -> None:
    talk = Talk()
    talk.bot(7)
    talk.say("yeah okay right", seconds=2.0)
    assert talk.of(Cut) == [Cut(7)]


def test_the_bots_own_voice_is_not_the_customers() -> None:
    talk = Talk()
    talk.bot(7, "You have three gigabytes left until the end of the month.")
    effects = talk.say("three gigabytes left until the end")
    assert GoOn(7) in effects
    assert not talk.of(Send)


def test_noise_never_becomes_text() -> None:
    talk = Talk()
    talk.bot(7)
    effects = talk.say("thank you for watching", rejected=True, seconds=2.0)
    assert Resume(7) in effects
    assert not talk.of(Send)
    assert not talk.of(Show)


def test_a_quieter_second_voice_is_not_taken_for_the_customer() -> None:
    talk = Talk()
    talk.say("my bill is wrong")
    talk.do(Answered(talk.now))
    talk.bot(4)
    talk.frames(1.0, 0.9, level=-60.0)
    assert not talk.of(Hold) + talk.of(Pause)
    talk.frames(0.3, 0.1)
    talk.heard("did you buy any milk")
    talk.frames(0.3, 0.1)
    assert len(talk.of(Send)) == 1
    talk.say("which bill do you mean")
    assert len(talk.of(Send)) == 2


def test_middling_confidence_asks_and_yes_sends() -> None:
    talk = Talk()
    talk.say("my pill is wrong", 0.5)
    assert talk.of(Say) == [Say("confirm", "my pill is wrong", 0.5)]
    talk.say("yes that's right", 0.7)
    assert talk.of(Send) == [Send(2, "my pill is wrong", 0.5, confirmed=True)]


def test_no_with_the_right_words_is_taken_at_once() -> None:
    talk = Talk()
    talk.say("my pill is wrong", 0.5)
    talk.say("no, my bill is wrong", 0.8)
    assert [e.text for e in talk.of(Send)] == ["my bill is wrong"]


def test_the_same_words_twice_are_what_was_said() -> None:
    talk = Talk()
    talk.say("my bill is wrong", 0.5)
    talk.say("my bill is wrong", 0.5)
    assert [e.text for e in talk.of(Send)] == ["my bill is wrong"]


def test_asks_again_twice_and_then_hands_over() -> None:
    talk = Talk()
    for _ in range(3):
        talk.say("mumble mumble", 0.2)
    assert talk.of(Say) == [Say("again"), Say("again")]
    assert talk.of(HandOver) == [HandOver()]
    assert not talk.of(Send)


def test_numbers_are_read_back_once() -> None:
    talk = Talk()
    talk.say("it's one nine nine zero zero zero zero zero one zero one", 0.9)
    assert [(e.key, e.heard) for e in talk.of(Say)] == [("read_back", "it's 19900000101")]
    talk.say("right", 0.9)
    assert [e.text for e in talk.of(Send)] == ["it's 19900000101"]
    talk.do(Answered(talk.now))
    talk.say("I said 19900000101", 0.9)
    assert len(talk.of(Say)) == 1


def test_a_name_is_read_back_once_and_taken_as_it_was_spelt() -> None:
    talk = Talk()
    talk.say("My name is Chan, C H E N", 0.9)
    assert talk.of(Say) == [Say("read_back", "My name is Chen", 0.9)]
    talk.say("yes", 0.9)
    assert [e.text for e in talk.of(Send)] == ["My name is Chen"]
    talk.do(Answered(talk.now))
    talk.say("my name is Chen and my bill is wrong", 0.9)
    assert len(talk.of(Say)) == 1


def test_with_a_person_everything_goes_to_the_person() -> None:
    talk = Talk()
    talk.do(Moved(0.0, "human"))
    talk.say("my number is 19900000101 yes", 0.9)
    talk.say("mumble", 0.2)
    assert [(e.text, e.unclear) for e in talk.of(Send)] == [("my number is 19900000101 yes", False), ("mumble", True)]
    assert not talk.of(Say)


def test_press_and_talk_ends_with_the_button() -> None:
    talk = Talk(TurnTaking(hold=True))
    talk.frames(0.5, 0.9)
    talk.frames(2.0, 0.1)
    talk.frames(0.5, 0.9)
    talk.do(Released(talk.now))
    effects = talk.heard("I have two questions")
    assert kinds(effects) == [Show, Send, End, Close]


def test_press_and_talk_without_a_word_says_so() -> None:
    talk = Talk(TurnTaking(hold=True))
    talk.frames(1.0, 0.1)
    assert talk.do(Released(talk.now)) == [Say("nothing_heard"), Close("released")]


def test_pressing_again_loses_nothing_of_the_first_time() -> None:
    talk = Talk(TurnTaking(hold=True))
    talk.frames(0.5, 0.9)
    talk.do(Released(talk.now))
    talk.do(Started(talk.now, hold=True))
    talk.frames(0.5, 0.9)
    assert [type(e) for e in talk.heard("my bill is wrong")] == [Show, Send, End]
    talk.do(Released(talk.now))
    assert [type(e) for e in talk.heard("and my phone is lost")] == [Show, Send, End, Close]


def test_letting_go_in_a_pause_takes_what_is_decoded_already() -> None:
    talk = Talk()
    talk.frames(1.0, 0.9)
    talk.frames(0.3, 0.1)
    talk.heard("how much data")
    assert kinds(talk.do(Released(talk.now))) == [Show, Send, End, Close]


def test_silence_is_asked_about_once_and_then_ends() -> None:
    talk = Talk()
    talk.frames(11.0, 0.1)
    assert talk.of(Say) == [Say("still_there")]
    talk.frames(21.0, 0.1)
    assert talk.of(Say)[-1] == Say("closing")
    assert talk.of(Close) == [Close("silence")]
    assert talk.frames(5.0, 0.9) == []


def test_nobody_is_prompted_while_the_bot_thinks_or_speaks_or_a_person_is_there() -> None:
    talk = Talk()
    talk.say("my bill is wrong")
    talk.frames(30.0, 0.1)
    talk.bot(3)
    talk.frames(30.0, 0.1)
    talk.do(Played(talk.now, 3, 1.0, done=True))
    talk.frames(9.0, 0.1)
    assert not talk.of(Say)
    talk.do(Moved(talk.now, "waiting"))
    talk.frames(60.0, 0.1)
    assert not talk.of(Say)


def test_an_endless_monologue_is_divided_where_it_is_least_like_speech() -> None:
    talk = Talk()
    talk.frames(24.0, 0.9)
    talk.frames(FRAME_S, 0.4)
    talk.frames(5.0, 0.9)
    (divided,) = talk.of(Divide)
    assert (divided.utterance, divided.into) == (1, 2)
    cut = next(at for at, effect in talk.log if effect == divided) - divided.frames * FRAME_S
    assert abs(cut - 24.0) < 0.1
    first = next(e for e in talk.of(Recognise) if e.kind == "final")
    talk.do(Heard(talk.now, first.utterance, first.version, "final", "blah blah", 0.8))
    talk.frames(0.3, 0.1)
    talk.heard("and so on")
    talk.frames(0.3, 0.1)
    assert [(e.utterance, e.text) for e in talk.of(Send)] == [(1, "blah blah"), (2, "and so on")]


def test_a_breath_divides_a_long_utterance_and_its_parts_keep_their_order() -> None:
    talk = Talk()
    talk.frames(21.0, 0.9)
    talk.frames(0.2, 0.1)
    talk.frames(1.0, 0.9)
    talk.frames(0.3, 0.1)
    talk.heard("the second part")
    assert not talk.of(Send)
    assert not talk.frames(0.4, 0.1)
    talk.do(Heard(talk.now, 1, 0, "final", "the first part", 0.8))
    assert [e.text for e in talk.of(Send)] == ["the first part", "the second part"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(0.05, 12.0), st.floats(0.0, 1.0)), min_size=1, max_size=14), st.booleans())
@example([(1.0, 1.0), (60.0, 0.0)], True)  # the button is held for a minute after the last word
def test_however_long_somebody_talks_every_frame_is_in_one_recording(parts: list, hold: bool) -> None:
    """Keeps recordings as the gateway does, and answers when the recogniser is asked."""
    core, now, number = TurnTaking(hold=hold), 0.0, 0
    sounds: dict[int, list[int]] = {}
    over: set[int] = set()
    for seconds, probability in parts:
        for _ in range(round(seconds / FRAME_S)):
            now, number = now + FRAME_S, number + 1
            for one in sounds.keys() - over:
                sounds[one].append(number)
            todo: list = core.handle(Frame(now, probability))
            while todo:
                effect = todo.pop(0)
                if isinstance(effect, Begin):
                    sounds[effect.utterance] = [number - 2, number - 1, number]
                elif isinstance(effect, Divide):
                    whole = sounds[effect.utterance]
                    at = len(whole) - effect.frames
                    sounds[effect.utterance], sounds[effect.into] = whole[:at], whole[at:]
                    over.add(effect.utterance)
                elif isinstance(effect, End):
                    over.add(effect.utterance)
                elif isinstance(effect, Recognise) and effect.kind == "final":
                    assert len(sounds[effect.utterance]) * FRAME_S <= 28.5 or hold
                    todo += core.handle(Heard(now, effect.utterance, effect.version, "final", "my bill", 0.8))
    heard = [frame for one in sorted(sounds) for frame in sounds[one]]
    assert heard == sorted(set(heard))
    assert all(len(one) * FRAME_S <= 28.5 for one in sounds.values())


STEPS = st.one_of(
    st.tuples(st.just("speech"), st.floats(0.03, 2.0)),
    st.tuples(st.just("gone"), st.none()),
    st.tuples(st.just("silence"), st.floats(0.1, 2.0)),
    st.tuples(st.just("bot"), st.booleans()),
    st.tuples(st.just("played"), st.floats(0, 1)),
    st.tuples(st.just("moved"), st.sampled_from(["bot", "waiting", "human"])),
    st.tuples(
        st.just("heard"), st.tuples(st.sampled_from(["嗯", "yes", "no", "my bill", "19900000101"]), st.floats(0, 1))
    ),
    st.tuples(st.just("rejected"), st.none()),
)


def follow_loudness(effects: Iterable[Effect], *, over: bool) -> None:
    """A reply pauses before it goes on, and what was done to it is undone once, or it is cut, or was at its end."""
    state: tuple[str, int | None] = ("loud", None)
    for effect in effects:
        match effect:
            case Pause():
                assert state[0] == "loud" or state[1] != effect.seq
                state = ("paused", effect.seq)
            case Hold():  # a bot that noises do not pause any more is held at once
                assert state[0] != "held" or state[1] != effect.seq
                state = ("held", effect.seq)
            case GoOn():
                assert state == ("paused", effect.seq)
                state = ("loud", None)
            case Resume():
                assert state == ("held", effect.seq)
                state = ("loud", None)
            case Cut():
                state = ("loud", None)
    assert state[0] == "loud" or (state[0] == "paused" and over)


@settings(max_examples=150, deadline=None)
@given(st.lists(STEPS, max_size=25), st.booleans())
def test_whatever_happens(steps: list, hold: bool) -> None:
    """Every held message goes on or is cut, once; every utterance ends once; nothing rejected is sent."""
    talk = Talk(TurnTaking(hold=hold))
    seq = 0
    for kind, value in steps:
        if kind in {"speech", "silence"}:
            talk.frames(value, 0.9 if kind == "speech" else 0.1)
        elif kind == "bot" and not talk.core.speaking and not talk.core.busy:
            seq += 1
            talk.bot(seq, "Shall I look?", asks=value)
        elif kind == "played" and seq:
            talk.do(Played(talk.now, seq, value, done=value == 1))
        elif kind == "moved":
            talk.do(Moved(talk.now, value))
        elif kind == "gone":
            talk.do(Gone(talk.now))
            talk.do(Started(talk.now, hold))
        elif kind in {"heard", "rejected"} and any(e.kind == "final" for e in talk.of(Recognise)):
            text, confidence = value or ("thank you for watching", 0.9)
            talk.heard(text, confidence, rejected=kind == "rejected")
    talk.do(Released(talk.now))
    for one in [e for e in talk.of(Recognise) if e.kind == "final"]:
        talk.do(Heard(talk.now, one.utterance, one.version, "final", "my bill", 0.9))
    assert not talk.core.busy
    ended = [e.utterance for e in talk.of(End)]
    assert ended == [e.utterance for e in talk.of(Begin)]
    assert talk.of(Close)[-1:] == [Close("released")]
    follow_loudness((effect for _, effect in talk.log), over=not talk.core.speaking)
    assert "thank you for watching" not in [e.text for e in talk.of(Send)]
