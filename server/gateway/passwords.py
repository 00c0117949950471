"""Staff passwords: Argon2id with the library's defaults (RFC 9106, low-memory profile)."""

import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

# No letters and digits that look alike: these passwords are read from a terminal.
_ALPHABET = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKMNPQRSTUVWXYZ23456789"
_GENERATED_CHARACTERS = 16
_hasher = PasswordHasher()
_NOBODY = _hasher.hash(secrets.token_urlsafe(16))


def hash_password(password: str) -> str:
    """The stored form of a password."""
    return _hasher.hash(password)


def verify_password(stored: str | None, password: str) -> bool:
    """Whether the password fits; an unknown account (``None``) costs the same time as a known one."""
    try:
        return _hasher.verify(stored or _NOBODY, password) and stored is not None
    except (VerificationError, InvalidHashError):
        return False


def new_password() -> str:
    """A random password to be shown once."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(_GENERATED_CHARACTERS))
