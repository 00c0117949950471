import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.gateway.modes import NotPossibleError, next_mode

EVENTS = ["escalate", "take", "release", "return", "close", "transfer"]


@pytest.mark.parametrize(
    ("mode", "event", "after"),
    [
        ("bot", "escalate", "waiting"),
        ("waiting", "take", "human"),
        ("human", "return", "bot"),
        ("human", "release", "waiting"),
        ("waiting", "return", "bot"),
        ("human", "close", "closed"),
        ("human", "transfer", "waiting"),
        ("closed", "reopen", "human"),
    ],
)
def test_a_conversation_changes_hands(mode, event, after):
    assert next_mode(mode, event) == after


@given(st.sampled_from(EVENTS))
def test_a_closed_conversation_stays_closed(event):
    with pytest.raises(NotPossibleError) as error:
        next_mode("closed", event)
    assert error.value.mode == "closed"


@given(st.lists(st.sampled_from(EVENTS), max_size=30))
def test_only_a_waiting_conversation_is_taken(events):
    mode = "bot"
    for event in events:
        try:
            after = next_mode(mode, event)
        except NotPossibleError:
            continue
        if after == "human":
            assert (mode, event) == ("waiting", "take")
        mode = after
