"""How a customer wants to be reached, as they typed it: checked, never guessed."""

import re
from collections.abc import Mapping

from server.gateway.text import TextError, clean

_PHONE = re.compile(r"\+?[0-9][0-9 ()-]{4,24}")
_EMAIL = re.compile(r"[^@\s<>\"',;:\\]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?\.[A-Za-z]{2,24}")
_MAX_NOTE, _MAX_NAME = 500, 60
_MIN_DIGITS = 5


def is_email(value: str) -> bool:
    """Whether this can be an e-mail address: one, without a name around it and without a line break."""
    return _EMAIL.fullmatch(value) is not None


def read_contact(given: Mapping[str, str]) -> dict[str, str]:
    """The usable fields among ``phone``, ``email``, ``name`` and ``note``.

    Raises:
        ValueError: There is neither a telephone number nor an address, or one that cannot be.
    """
    found = {}
    phone, email = given.get("phone", "").strip(), given.get("email", "").strip()
    if phone:
        if not _PHONE.fullmatch(phone) or sum(character.isdigit() for character in phone) < _MIN_DIGITS:
            raise ValueError("field 'phone' is not a telephone number")
        found["phone"] = phone
    if email:
        if not is_email(email):
            raise ValueError("field 'email' is not an e-mail address")
        found["email"] = email
    if not found:
        raise ValueError("give a 'phone' or an 'email'")
    for name, limit in (("note", _MAX_NOTE), ("name", _MAX_NAME)):
        try:
            found[name] = clean(given.get(name, "")[:limit])
        except TextError:
            continue  # an empty note is none
    return found
