"""Passwords that everybody tries first; the rule for all that people choose themselves."""

MIN_CHARACTERS = 10
_PARTS = (
    "password", "passw0rd", "changeme", "letmein", "welcome", "administrator", "admin", "qwertyuiop",
    "qwerty", "asdfghjkl", "iloveyou",
    "secret",
    "default", "kefu", "test", "root", "guest", "master", "woaini", "abc",
)  # fmt: skip
_RUNS = ("01234567890123456789", "98765432109876543210", "abcdefghijklmnopqrstuvwxyz", "qwertyuiopasdfghjklzxcvbnm")
_LEAST_DIFFERENT = 4


def weakness(password: str, username: str = "") -> str | None:
    """Why a password must not be used; None where it may."""
    plain = password.lower()
    if len(password) < MIN_CHARACTERS:
        return f"the password has {len(password)} characters; use at least {MIN_CHARACTERS}"
    rest = plain
    for part in (*_PARTS, *filter(None, [username.lower()])):
        rest = rest.replace(part, "")
    rest = rest.strip("0123456789!@#$%^&*._- ")
    if not rest or len(set(plain)) < _LEAST_DIFFERENT or any(plain in run for run in _RUNS):
        return "the password is one of those that are tried first; choose another"
    return None
