from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.gateway.tokens import CONVERSATION_LIFETIME, Tokens

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TOKENS = Tokens(b"key")


def test_a_token_opens_its_own_conversation_until_it_expires():
    token = TOKENS.conversation("c1", NOW)
    assert TOKENS.opens(token, "c1", NOW)
    assert not TOKENS.opens(token, "c2", NOW)
    assert not TOKENS.opens(token, "c1", NOW + CONVERSATION_LIFETIME + timedelta(seconds=1))


def test_a_token_of_another_key_is_forged():
    assert not TOKENS.opens(Tokens(b"other").conversation("c1", NOW), "c1", NOW)


@pytest.mark.parametrize("token", ["", "1", "1.c1.9999999999.x", "2.c1.9999999999.x", "1.c1.²²²²²²²²²²²².x", "💥" * 10])
def test_what_is_not_a_token_opens_nothing(token):
    assert not TOKENS.opens(token, "c1", NOW)


@given(st.integers(0, 200), st.characters(codec="ascii", exclude_categories=["Cc"]))
def test_a_changed_token_opens_nothing(position, character):
    token = TOKENS.conversation("c1", NOW)
    position %= len(token)
    changed = token[:position] + character + token[position + 1 :]
    assert TOKENS.opens(changed, "c1", NOW) == (changed == token)


def test_the_embedding_site_vouches_for_one_customer():
    assert TOKENS.is_identity("C1001", TOKENS.identity("C1001"))
    assert not TOKENS.is_identity("C1002", TOKENS.identity("C1001"))
    assert not TOKENS.is_identity("C1001", "é")
