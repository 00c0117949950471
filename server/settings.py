"""The one settings object: a file (``kefu.toml``), over it the environment (``KEFU_*``), over both a caller's values.

``docs/settings.md`` documents every setting. Nothing else in the project reads ``KEFU_*`` variables.
"""

from __future__ import annotations

import difflib
import json
import os
import secrets
import tempfile
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from server.addresses import addresses
from server.common_passwords import weakness
from server.settings_pictures import Pictures
from server.settings_sign_in import SignIn
from server.settings_speech import Speech
from server.settings_understanding import Understanding

PREFIX = "KEFU_"
CONFIG_VARIABLE = "KEFU_CONFIG"
DEFAULT_FILE = "kefu.toml"
SECRET_MIN_CHARACTERS = 10
ROOT = Path(__file__).resolve().parent.parent
"""The project's folder: where ``bot/``, ``demo/`` and ``benchmarks/`` lie."""

_MODELS, _RASA, _ACTIONS, _ACCOUNTS = range(4)
_HIGHEST_PORT = 65535
_INTERNAL_PORTS = 4
_MIB = 1024 * 1024
_PATH_FIELDS = ("data_dir", "company")
_RELATIVE = {"understanding": ("model",), "speech": ("model", "voice_en", "voice_zh")}
"""Keys of tables that may name a file or folder; a path that begins with a dot is relative to the settings file."""
_TABLES: dict[str, type[BaseModel]] = {
    "understanding": Understanding,
    "speech": Speech,
    "pictures": Pictures,
    "oidc": SignIn,
}

Port = Annotated[int, Field(ge=1, le=_HIGHEST_PORT)]


class ConfigurationError(Exception):
    """A settings or company file says something that cannot be used; the message names file, key and the way out."""


class Settings(BaseSettings):
    """Everything an operator can set.

    ``Settings(...)`` reads file and environment and raises pydantic's ``ValidationError``; programs call
    `load_settings`, which says in words what is wrong and where.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True, env_ignore_empty=True,
        # KEFU_UNDERSTANDING_DEADLINE_S is deadline_s of the table [understanding].
        env_nested_delimiter="_", env_nested_max_split=1,
    )  # fmt: skip

    host: str = "127.0.0.1"
    port: Port = 8000
    internal_port: Annotated[int, Field(ge=1, le=_HIGHEST_PORT - _INTERNAL_PORTS + 1)] = 8101
    public_url: str = ""
    data_dir: Path = Path(".kefu")
    company: Path = ROOT / "demo"
    database_url: str = Field(default="", repr=False)
    redis_url: str = Field(default="", repr=False)
    models_urls: str = ""
    rasa_urls: str = ""
    actions_urls: str = ""
    account_api_url: str = ""
    account_api_timeout_s: Annotated[float, Field(gt=0, le=60)] = 3.0
    admin_user: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._-]+$")] = "admin"
    admin_password: SecretStr | None = None
    secret: SecretStr | None = None
    risk_bound: Annotated[float, Field(gt=0, lt=1)] = 0.05
    promotion: Literal["person", "rule"] = "person"
    training_effort: Literal["quick", "full"] = "quick"
    turn_deadline_s: Annotated[float, Field(ge=1, le=120)] = 8.0
    turns_at_once: Annotated[int, Field(ge=1, le=1000)] = 32
    upload_max_bytes: Annotated[int, Field(ge=1024, le=100 * _MIB)] = 10 * _MIB
    retention_days: Annotated[int, Field(ge=0, le=36_500)] = 365
    uploads_per_conversation: Annotated[int, Field(ge=0, le=1000)] = 20
    understanding: Understanding = Understanding()
    speech: Speech = Speech()
    oidc: SignIn = SignIn()
    pictures: Pictures = Pictures()
    log_format: Literal["text", "json"] = "text"
    traces_url: str = ""
    smtp_host: str = ""
    smtp_port: Port = 587
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    smtp_user: str = ""
    smtp_password: SecretStr | None = None
    mail_from: str = ""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources: the caller's arguments, then the environment, then the file."""
        return init_settings, env_settings, _FileSource(settings_cls)

    @field_validator("secret")
    @classmethod
    def _long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < SECRET_MIN_CHARACTERS:
            raise ValueError(f"use at least {SECRET_MIN_CHARACTERS} characters")
        return value

    @field_validator("admin_password")
    @classmethod
    def _not_tried_first(cls, value: SecretStr | None) -> SecretStr | None:
        problem = weakness(value.get_secret_value()) if value is not None else None
        if problem:
            raise ValueError(problem)
        return value

    @field_validator("account_api_url", "public_url", "traces_url")
    @classmethod
    def _http_address(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("write an address that begins with http:// or https://")
        return value.rstrip("/")

    @field_validator("models_urls", "rasa_urls", "actions_urls")
    @classmethod
    def _http_addresses(cls, value: str) -> str:
        given = [one.strip() for one in value.split(",") if one.strip()]
        if not all(one.startswith(("http://", "https://")) for one in given):
            raise ValueError("write addresses that begin with http:// or https://, separated by commas")
        return ",".join(given)

    @field_validator("database_url")
    @classmethod
    def _async_driver(cls, value: str) -> str:
        if value.startswith(("sqlite+aiosqlite://", "postgresql+psycopg://")) or not value:
            return value
        for plain, driver in (
            ("sqlite://", "sqlite+aiosqlite://"),
            ("postgresql+asyncpg://", "postgresql+psycopg://"),
            ("postgresql://", "postgresql+psycopg://"),
            ("postgres://", "postgresql+psycopg://"),
        ):
            if value.startswith(plain):
                return driver + value.removeprefix(plain)
        raise ValueError("write an address that begins with sqlite+aiosqlite:// or postgresql+psycopg://")

    @field_validator("redis_url")
    @classmethod
    def _redis_address(cls, value: str) -> str:
        if value and not value.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("write an address that begins with redis://, rediss:// or unix://")
        return value

    @model_validator(mode="after")
    def _complete(self) -> Self:
        # Absolute paths, because the processes that share these settings need not share a working directory.
        for name in _PATH_FIELDS:
            object.__setattr__(self, name, Path(os.path.abspath(getattr(self, name).expanduser())))
        if not self.database_url:
            object.__setattr__(self, "database_url", f"sqlite+aiosqlite:///{self.data_dir / 'kefu.db'}")
        if self.internal_port <= self.port < self.internal_port + _INTERNAL_PORTS:
            raise ValueError(
                f"port {self.port} lies among the internal ports {self.internal_port} to "
                f"{self.internal_port + _INTERNAL_PORTS - 1}: change port or internal_port"
            )
        return self

    @property
    def models_port(self) -> int:
        """Port of the model service, on the loopback address."""
        return self.internal_port + _MODELS

    @property
    def rasa_port(self) -> int:
        """Port of Rasa, on the loopback address."""
        return self.internal_port + _RASA

    @property
    def actions_port(self) -> int:
        """Port of the action server, on the loopback address."""
        return self.internal_port + _ACTIONS

    @property
    def accounts_port(self) -> int:
        """Port of the demo account back end, on the loopback address."""
        return self.internal_port + _ACCOUNTS

    @property
    def models_url(self) -> str:
        """Address of the model service that `kefu up` starts, without a trailing slash."""
        return f"http://127.0.0.1:{self.models_port}"

    @property
    def rasa_url(self) -> str:
        """Address of the Rasa that `kefu up` starts, without a trailing slash."""
        return f"http://127.0.0.1:{self.rasa_port}"

    @property
    def actions_url(self) -> str:
        """Address of the action server that `kefu up` starts, without a trailing slash (webhook: ``/webhook``)."""
        return f"http://127.0.0.1:{self.actions_port}"

    @property
    def models_addresses(self) -> tuple[str, ...]:
        """Addresses of the model services that are asked."""
        return addresses(self.models_urls, self.models_url)

    @property
    def rasa_addresses(self) -> tuple[str, ...]:
        """Addresses of the Rasa workers that are asked."""
        return addresses(self.rasa_urls, self.rasa_url)

    @property
    def actions_addresses(self) -> tuple[str, ...]:
        """Addresses of the action servers; a Rasa worker asks the first."""
        return addresses(self.actions_urls, self.actions_url)

    @property
    def accounts_url(self) -> str:
        """Address of the account back end: ``account_api_url`` where it is set, else the demo back end."""
        return self.account_api_url or f"http://127.0.0.1:{self.accounts_port}"

    @property
    def demo_accounts(self) -> bool:
        """Whether the built-in demo account back end is meant to run (a company without accounts still has none)."""
        return not self.account_api_url

    @property
    def url(self) -> str:
        """Address of the gateway as people open it, without a trailing slash."""
        if self.public_url:
            return self.public_url
        host = "localhost" if self.host in {"127.0.0.1", "0.0.0.0", "::", "::1"} else self.host  # noqa: S104 (compared, not bound)
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def logs_dir(self) -> Path:
        """Folder of the processes' logs."""
        return self.data_dir / "logs"

    @property
    def releases_dir(self) -> Path:
        """Folder of the trained releases."""
        return self.data_dir / "releases"

    def engine_dir(self, release: str) -> Path:
        """Folder that the chosen engine, where it is not the embedded one, is prepared in for a release."""
        return self.data_dir / "engines" / self.understanding.folder_name(release)

    @property
    def uploads_dir(self) -> Path:
        """Folder of customers' pictures."""
        return self.data_dir / "uploads"

    def secret_key(self) -> bytes:
        """Key for conversation tokens and sessions: ``secret``, or a random one kept in ``data_dir/secret`` (0600).

        Every process gets the same key, also when two ask for it first at the same moment.

        Raises:
            ConfigurationError: The file cannot be read, made or is empty.
        """
        if self.secret is not None:
            return self.secret.get_secret_value().encode()
        path = self.data_dir / "secret"
        try:
            if not path.exists():
                _create_secret(path)
            key = path.read_text("ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"{path}: cannot keep the secret key there ({error}); set KEFU_SECRET") from error
        if not key:
            raise ConfigurationError(f"{path}: is empty; delete it (this ends all sessions) or set KEFU_SECRET")
        return key.encode()

    def environment(self) -> dict[str, str]:
        """Variables that give a child process these same settings, wherever it runs.

        Secrets are left to the inherited environment and the file.
        """
        values = self.model_dump()
        for table in _TABLES:
            for name, value in values.pop(table).items():
                values[f"{table}_{name}"] = json.dumps(value) if isinstance(value, dict) else value
        variables = {
            PREFIX + name.upper(): str(value)
            for name, value in values.items()
            if value not in (None, "") and not isinstance(value, SecretStr)
        }
        file = settings_file()
        if file is not None:
            variables[CONFIG_VARIABLE] = str(file)
        return variables


class _FileSource(PydanticBaseSettingsSource):
    """The settings file as a source; relative paths in it are relative to the file."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        path = settings_file()
        if path is None:
            return {}
        values = _read_file(path)
        for name in _PATH_FIELDS:
            if isinstance(values.get(name), str):
                values[name] = path.parent / Path(values[name]).expanduser()
        for table, names in _RELATIVE.items():
            chosen = values.get(table)
            if not isinstance(chosen, dict):
                continue
            for name in names:
                if str(chosen.get(name, "")).startswith(("./", "../")):
                    chosen[name] = str(path.parent / chosen[name])
        return values


def settings_file() -> Path | None:
    """The settings file in use: ``KEFU_CONFIG``, else ``kefu.toml`` in the working directory, else none.

    Raises:
        ConfigurationError: ``KEFU_CONFIG`` names a file that is not there.
    """
    named = os.environ.get(CONFIG_VARIABLE)
    if named:
        path = Path(named).expanduser().absolute()
        if not path.is_file():
            raise ConfigurationError(f"{CONFIG_VARIABLE}={named}: there is no such file")
        return path
    path = Path(DEFAULT_FILE).absolute()
    return path if path.is_file() else None


def load_settings(**overrides: Any) -> Settings:
    """Read the settings; ``overrides`` win over environment and file (``None`` means: not given).

    Raises:
        ConfigurationError: With one line per fault, each naming where the value came from.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings(**given)
    except ValidationError as error:
        faults = [_explain(fault, given) for fault in error.errors()]
        raise ConfigurationError("\n".join(faults)) from error


def unknown_variables() -> list[str]:
    """Warnings about ``KEFU_*`` variables that set nothing, which mostly are typing mistakes."""
    known = {PREFIX + name.upper() for name in Settings.model_fields} | {CONFIG_VARIABLE}
    for table, kind in _TABLES.items():
        known |= {f"{PREFIX}{table.upper()}_{name.upper()}" for name in kind.model_fields}
    return [
        f"{name} is not a setting{_suggest(name, known)}"
        for name in sorted(os.environ)
        if name.startswith(PREFIX) and name not in known
    ]


def _read_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path}: not valid TOML: {error}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: cannot be read: {error}") from error


def _explain(fault: Any, given: dict[str, Any]) -> str:
    """Say one pydantic fault in terms of where the operator wrote the value; values are left out, some are secret."""
    key = ".".join(str(part) for part in fault["loc"])
    message = fault["msg"].removeprefix("Value error, ")
    file = settings_file()
    if not key:
        return f"settings: {message}"
    variable = PREFIX + key.upper().replace(".", "_")
    if fault["type"] == "extra_forbidden" and not os.environ.get(variable):
        place = "" if key in given or file is None else f"{file}: "
        return f'{place}unknown setting "{key}"{_suggest(key, _known_keys())}; docs/settings.md lists them'
    if key in given:
        return f"{key}: {message}"
    if os.environ.get(variable):
        if fault["type"] == "extra_forbidden":
            return f'{variable}: unknown setting "{key}"{_suggest(key, _known_keys())}; docs/settings.md lists them'
        return f"{variable}: {message}"
    return f'{file}: setting "{key}": {message}'


def _known_keys() -> set[str]:
    tables = {f"{table}.{name}" for table, kind in _TABLES.items() for name in kind.model_fields}
    return set(Settings.model_fields) | tables


def _suggest(name: str, known: set[str]) -> str:
    near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.7)
    return f"; did you mean {near[0]}?" if near else ""


def _create_secret(path: Path) -> None:
    """Write a new key so that it appears whole or not at all, and so that the first of two writers wins."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".secret-")  # mkstemp makes it 0600
    try:
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_urlsafe(48) + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(name, path)
        except FileExistsError:
            return
    finally:
        os.unlink(name)
