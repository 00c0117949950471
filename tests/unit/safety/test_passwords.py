"""No account, the first one neither, gets a password that is tried first."""

import pytest
from pydantic import ValidationError

from server.common_passwords import weakness
from server.gateway.passwords import new_password
from server.settings import Settings


@pytest.mark.parametrize(
    "password", ["", "short", "password123", "Admin123456!", "1234567890", "0987654321", "aaaaaaaaaaaa",
     "qwertyuiop", "kefu-admin-2026", "changeme!!", "lin.lin.lin.1"]
)  # fmt: skip
def test_what_is_tried_first_is_refused(password):
    assert weakness(password, "lin") is not None


@pytest.mark.parametrize("password", ["correct horse battery", "X7f-pp2Lq9", "雨后的青禾田埂上有风"])
def test_what_nobody_guesses_is_taken(password):
    assert weakness(password, "lin") is None


def test_a_generated_one_is_taken():
    assert weakness(new_password()) is None


def test_the_first_account_gets_none_of_them(tmp_path):
    with pytest.raises(ValidationError, match="tried first"):
        Settings(data_dir=tmp_path, admin_password="password123")
