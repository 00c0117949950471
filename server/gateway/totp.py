"""The second factor: time-based one-time passwords (RFC 6238) as authenticator apps make them."""

import base64
import hashlib
import hmac
import secrets
import struct
from urllib.parse import quote

import segno

STEP_S = 30
DIGITS = 6
_SECRET_BYTES = 20
_DRIFT_STEPS = 1
"""How far a phone's clock may be off, in steps."""


def new_secret() -> str:
    """A random secret in base 32."""
    return base64.b32encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def code_at(secret: str, step: int, *, digits: int = DIGITS) -> str:
    """The code of a time step: HMAC-SHA-1 with dynamic truncation (RFC 4226, section 5.3)."""
    digest = hmac.new(base64.b32decode(secret), struct.pack(">Q", step), hashlib.sha1).digest()
    offset = digest[-1] & 0x0F
    number = struct.unpack(">I", digest[offset : offset + 4])[0] & 0x7FFFFFFF
    return f"{number % 10**digits:0{digits}d}"


def step_of(secret: str, code: str, now_s: float, *, after: int = -1) -> int | None:
    """The time step that the code belongs to; None where it is wrong, too old, or of a step not after ``after``.

    The caller keeps the step, so that a code that was read over somebody's shoulder works no second time.
    """
    given = "".join(code.split())
    if len(given) != DIGITS or not given.isascii() or not given.isdigit():
        return None
    current = int(now_s // STEP_S)
    for step in range(current - _DRIFT_STEPS, current + _DRIFT_STEPS + 1):
        if step > after and hmac.compare_digest(code_at(secret, step), given):
            return step
    return None


def picture(uri: str) -> str:
    """An address as a QR code: an SVG in a data URI, dark on light whatever the page's colours."""
    code: str = segno.make(uri, micro=False, error="m").svg_data_uri(scale=5, border=4, dark="#000", light="#fff")
    return code


def address(secret: str, username: str, company: str) -> str:
    """What an authenticator app reads from a QR code or takes by hand."""
    label = quote(f"{company}:{username}")
    return f"otpauth://totp/{label}?secret={secret}&issuer={quote(company)}&digits={DIGITS}&period={STEP_S}"
