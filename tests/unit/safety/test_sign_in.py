"""Staff who sign in by the company's own accounts, against a provider over real HTTP."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc.jwk import RSAKey
from starlette.testclient import TestClient

from server.gateway.accounts import add_user, link
from server.gateway.app import create_app
from server.settings import Settings
from server.settings_sign_in import SignIn
from tests.support.oidc import CLIENT, SECRET, Provider
from tests.unit.safety.conftest import PASSWORD, Clock, as_role, log_in

Json = dict[str, Any]
CALLBACK = "http://kefu.test/api/session/oidc/callback"


@pytest.fixture
def provider(clock: Clock) -> Iterator[Provider]:
    running = Provider(lambda: clock().timestamp(), CALLBACK).start()
    yield running
    running.stop()


@pytest.fixture
def settings(settings: Settings, provider: Provider) -> Settings:
    oidc = SignIn(
        issuer=provider.issuer,
        client_id=CLIENT,
        client_secret=SECRET,
        name="Qinghe",
        roles={"agent": "agent", "kefu-leads": "supervisor", "kefu-admins": "admin"},
    )
    return settings.model_copy(update={"oidc": oidc, "public_url": "http://kefu.test"})


@pytest.fixture
def browser(client: TestClient) -> TestClient:
    client.follow_redirects = False
    del client.headers["x-kefu"]  # a link sends none
    return client


def consent(browser: TestClient, to: str = "desk") -> str:
    """From the login page over the provider's: the address that the provider sends the browser back to."""
    begun = browser.get(f"/api/session/oidc?to={to}")
    assert begun.status_code == 303, begun.text
    answer = httpx.get(begun.headers["location"], trust_env=False)
    assert answer.status_code == 302
    return answer.headers["location"]


def sign_in(browser: TestClient, to: str = "desk") -> httpx.Response:
    return browser.get(consent(browser, to))


def who(browser: TestClient) -> Json:
    answer = browser.get("/api/session")
    return answer.json() if answer.status_code == 200 else {}


def log(browser: TestClient) -> list[Json]:
    token = log_in_as_admin(browser)
    return browser.get("/api/audit", headers=as_role(token)).json()["items"]


def log_in_as_admin(browser: TestClient) -> str:
    browser.headers["x-kefu"] = "1"
    kept = dict(browser.cookies)
    token = log_in(browser, "admin")
    browser.cookies.update(kept)
    del browser.headers["x-kefu"]
    return token


def test_the_login_page_learns_of_it(browser):
    offered = browser.get("/api/session/ways").json()
    assert offered == {"password": True, "oidc": {"name": "Qinghe", "address": "/api/session/oidc"}}


def test_the_first_sign_in_makes_the_account(browser, provider):
    answer = sign_in(browser)
    assert (answer.status_code, answer.headers["location"]) == (303, "/desk")
    cookie = answer.headers["set-cookie"]
    assert "kefu_session=" in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert who(browser) == {"username": "lin", "name": "Lin He", "role": "agent"}
    assert provider.refused == []
    entries = [(one["actor"], one["action"], one["target"], one["detail"]) for one in log(browser)]
    assert ("oidc", "staff.added", "staff:lin", {"role": "agent"}) in entries
    assert ("lin", "login", "staff:lin", {"by": "oidc"}) in entries


def test_the_same_person_has_the_same_account_and_the_role_of_the_claim(browser, provider):
    sign_in(browser)
    provider.claims |= {"preferred_username": "lin.he", "roles": ["kefu-leads", "kefu-admins", "unknown"]}
    assert sign_in(browser, "admin").headers["location"] == "/admin"
    assert who(browser) == {"username": "lin", "name": "Lin He", "role": "admin"}
    assert any(one["action"] == "staff.role" and one["detail"]["before"] == "agent" for one in log(browser))


def test_a_role_deep_in_a_claim(browser, provider, settings):
    provider.claims = {"sub": "s-2", "email": "wei@qinghe.example", "realm_access": {"roles": ["kefu-leads"]}}
    browser.app.state.oidc._settings = settings.oidc.model_copy(update={"role_claim": "realm_access.roles"})
    sign_in(browser)
    assert who(browser) == {"username": "wei-qinghe.example", "name": "wei-qinghe.example", "role": "supervisor"}


def test_nobody_takes_an_account_by_its_name(browser, provider, settings):
    provider.claims |= {"preferred_username": "admin", "sub": "s-9"}
    assert sign_in(browser).headers["location"] == "/desk?sign_in=taken"
    assert who(browser) == {}
    link(settings, "admin", "s-9")
    provider.claims |= {"roles": ["kefu-admins"]}
    sign_in(browser)
    assert who(browser)["username"] == "admin"


def test_an_account_made_so_has_no_password(browser):
    sign_in(browser)
    browser.cookies.clear()
    for password in ("", "!", "lin", PASSWORD):
        answer = browser.post("/api/session", json={"username": "lin", "password": password}, headers={"x-kefu": "1"})
        assert answer.status_code == 401


def without(name: str) -> Callable[[Json], Json]:
    return lambda claims: {key: value for key, value in claims.items() if key != name}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda claims: claims | {"nonce": "another"},
        without("nonce"),
        lambda claims: claims | {"nonce": [claims["nonce"]]},
        lambda claims: claims | {"iss": "https://accounts.evil.example"},
        without("iss"),
        lambda claims: claims | {"aud": "another application"},
        without("aud"),
        lambda claims: claims | {"aud": [CLIENT, "another application"]},
        lambda claims: claims | {"aud": [CLIENT, "another application"], "azp": "another application"},
        lambda claims: claims | {"azp": "another application"},
        lambda claims: claims | {"exp": claims["iat"] - 61},
        without("exp"),
        lambda claims: claims | {"iat": claims["iat"] + 3600},
        lambda claims: claims | {"nbf": claims["iat"] + 3600},
        without("sub"),
        lambda claims: claims | {"exp": "soon"},
    ],
)
def test_a_token_that_does_not_hold_is_refused(browser, provider, spoil):
    provider.spoil = spoil
    answer = sign_in(browser)
    assert answer.headers["location"] == "/desk?sign_in=failed"
    assert "kefu_session" not in answer.headers.get("set-cookie", "")
    assert who(browser) == {}
    refused = next(one for one in log(browser) if one["action"] == "login.refused")
    assert refused["detail"] == {"by": "oidc", "reason": "failed"}


@pytest.mark.parametrize("how", ["unsigned", "signed_with_what_everybody_knows", "signed_by_somebody_else"])
def test_a_token_that_the_provider_did_not_sign_is_refused(browser, provider, how):
    provider.sign = getattr(provider, how)
    assert sign_in(browser).headers["location"] == "/desk?sign_in=failed"
    assert who(browser) == {}


def test_several_audiences_are_fine_where_the_token_was_made_for_us(browser, provider):
    provider.spoil = lambda claims: claims | {"aud": ["another application", CLIENT], "azp": CLIENT}
    assert sign_in(browser).headers["location"] == "/desk"


def test_the_provider_may_change_its_keys(browser, provider, monkeypatch):
    monkeypatch.setattr("server.gateway.oidc._KEYS_AGAIN_S", 0.0)
    sign_in(browser)
    provider.key = RSAKey.generate_key(2048, {"kid": "second"})
    assert sign_in(browser).headers["location"] == "/desk"


def test_a_role_that_is_not_ours_opens_nothing(browser, provider):
    for roles in ([], ["admin"], None, {"kefu-admins": True}, [["kefu-admins"]]):
        provider.claims["roles"] = roles
        assert sign_in(browser).headers["location"] == "/desk?sign_in=no_role"
    assert who(browser) == {}


def test_an_answer_counts_once_and_in_the_browser_that_asked(browser, provider, clock):
    address = consent(browser)
    mine = browser.cookies["kefu_sign_in"]
    # Somebody is lured to an answer that the attacker's own sign-in got.
    browser.cookies.clear()
    assert browser.get(address).headers["location"] == "/desk?sign_in=expired"
    consent(browser)
    assert browser.get(address).headers["location"] == "/desk?sign_in=expired"  # of another sign-in of theirs
    forged = mine[:10] + ("A" if mine[10] != "A" else "B") + mine[11:]
    for cookie in (forged, mine + "0", "é", "x.y"):
        answer = browser.get(address, headers={"Cookie": f"kefu_sign_in={cookie}".encode()})
        assert answer.headers["location"] == "/desk?sign_in=expired"
    assert browser.get(address, headers={"Cookie": f"kefu_sign_in={mine}"}).headers["location"] == "/desk"
    assert provider.refused == []
    browser.cookies.clear()
    again = browser.get(address, headers={"Cookie": f"kefu_sign_in={mine}"})
    assert again.headers["location"] == "/desk?sign_in=failed"  # the code has been used
    assert provider.refused == ["token"]
    browser.cookies.clear()
    address = consent(browser)
    clock.passes(minutes=11)
    assert browser.get(address).headers["location"] == "/desk?sign_in=expired"


def test_who_says_no_comes_back_to_the_login_page(browser, provider):
    provider.consents = False
    assert sign_in(browser).headers["location"] == "/desk?sign_in=denied"


def test_a_provider_that_is_away_or_is_somebody_else(browser, provider, monkeypatch):
    monkeypatch.setattr(provider, "metadata", lambda: {"issuer": "https://accounts.evil.example"})
    assert browser.get("/api/session/oidc").headers["location"] == "/desk?sign_in=failed"
    monkeypatch.undo()
    provider.stop()
    assert browser.get("/api/session/oidc?to=admin").headers["location"] == "/admin?sign_in=failed"
    assert browser.get("/api/session/oidc?to=https://evil.example").status_code == 422
    provider._server = type("Gone", (), {"shutdown": lambda self: None, "server_close": lambda self: None})()


def test_logging_out_goes_on_at_the_provider(browser, provider):
    sign_in(browser)
    away = browser.delete("/api/session", headers={"x-kefu": "1"}).json()["continue"]
    assert away.startswith(f"{provider.issuer}/logout?")
    query = parse_qs(urlsplit(away).query)
    assert query == {"client_id": [CLIENT], "post_logout_redirect_uri": ["http://kefu.test/desk"]}
    assert who(browser) == {}
    token = log_in_as_admin(browser)
    ended = browser.delete("/api/session", headers={"x-kefu": "1", **as_role(token)})
    assert ended.json() == {"continue": None}  # who came with a password stays with us


def test_it_is_off_by_default(tmp_path, clock):
    plain = Settings(
        data_dir=tmp_path / "other", secret="a long secret of the tests", port=20_003, internal_port=20_004
    )
    add_user(plain, "admin", PASSWORD, "admin")
    with TestClient(create_app(plain, clock), base_url="http://kefu.test") as client:
        assert client.get("/api/session/ways").json() == {"password": True, "oidc": None}
        assert client.get("/api/session/oidc").status_code == 404
        assert client.get("/api/session/oidc/callback?code=x&state=y").status_code == 404
