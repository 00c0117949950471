"""One-time passwords: the vectors of RFC 6238, appendix B (SHA-1), and what a code may do."""

import base64

import pytest

from server.gateway.totp import STEP_S, address, code_at, new_secret, picture, step_of

SECRET = base64.b32encode(b"12345678901234567890").decode()
VECTORS = [
    (59, "94287082"),
    (1111111109, "07081804"),
    (1111111111, "14050471"),
    (1234567890, "89005924"),
    (2000000000, "69279037"),
    (20000000000, "65353130"),
]


@pytest.mark.parametrize(("at", "code"), VECTORS)
def test_the_vectors(at, code):
    assert code_at(SECRET, at // STEP_S, digits=8) == code
    assert step_of(SECRET, code[2:], at) == at // STEP_S


def test_a_clock_may_be_a_step_off_and_no_more():
    now = 1_700_000_000
    step = now // STEP_S
    for drift in (-1, 0, 1):
        assert step_of(SECRET, code_at(SECRET, step + drift), now) == step + drift
    for drift in (-2, 2):
        assert step_of(SECRET, code_at(SECRET, step + drift), now) is None


def test_a_code_works_once():
    now = 1_700_000_000
    code = code_at(SECRET, now // STEP_S)
    assert step_of(SECRET, code, now, after=now // STEP_S) is None


@pytest.mark.parametrize("code", ["", "12345", "abcdef", "1234567", "١٢٣٤٥٦", "12 34 5", "-12345"])
def test_what_is_no_code_is_refused(code):
    assert step_of(SECRET, code, 59) is None


def test_secrets_differ_and_go_into_an_address():
    one, other = new_secret(), new_secret()
    assert one != other
    assert address(one, "li", "Kefu").startswith("otpauth://totp/Kefu%3Ali?secret=")


def test_an_address_has_a_picture_of_its_own():
    one, other = (picture(address(new_secret(), "li", "Kefu")) for _ in range(2))
    assert one.startswith("data:image/svg+xml")
    assert one != other
