"""A company: the folder that says whom the assistant speaks for, what it understands, and what it answers from.

``docs/architecture.md`` ("A company") fixes the layout; ``demo/company.toml`` shows every key. Everything is read and
checked when the company is loaded, so that a mistake is named at the start and not in front of a customer.
"""

from __future__ import annotations

import datetime as dt
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from server.settings import ConfigurationError

if TYPE_CHECKING:
    from server.nlu.data import EntityKind

Language = Literal["zh", "en"]
Texts = dict[Language, str]
"""One text per language of the company."""

FILE_NAME = "company.toml"
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
HANDOFF_REASONS = frozenset(
    {
        "low_confidence",
        "customer_asked",
        "diagnosis_exhausted",
        "safety",
        "repeated_failure",
        "upset_customer",
        "speech_unclear",
        "out_of_scope",
        "policy",
        "system_failure",
    }
)

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_ARTICLE_ID = re.compile(r"[a-z0-9][a-z0-9_-]*")
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(:\d{1,5})?")
_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d|24:00")
_FRONT_MATTER = re.compile(r"\A---\r?\n(.*?)^---[ \t]*\r?\n?(.*)\Z", re.DOTALL | re.MULTILINE)
# The C loader reads the demo company's intents ten times faster; both accept the same files.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


_M = TypeVar("_M", bound=BaseModel)


class CompanyError(ConfigurationError):
    """A company's file cannot be used; the message names the file, the line or key, and what is expected."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Colours(_Strict):
    """The company's colours, as ``#RRGGBB``."""

    primary: Annotated[str, Field(pattern=r"^#[0-9A-Fa-f]{6}$")]
    accent: Annotated[str, Field(pattern=r"^#[0-9A-Fa-f]{6}$")]


class Hours(_Strict):
    """When people are on duty on one weekday, local time, ``HH:MM``; ``24:00`` is the end of the day."""

    open: str
    close: str

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        for value in (self.open, self.close):
            if not _CLOCK.fullmatch(value):
                raise ValueError(f'"{value}" is not a time of day: write HH:MM, for example 08:30')
        if self.open >= self.close:
            raise ValueError(f"opens at {self.open}, closes at {self.close}: close must be later on the same day")
        return self


class Contact(_Strict):
    """How customers reach the company outside the chat."""

    email: str = ""
    phone: str = ""
    url: str = ""


class _Embed(_Strict):
    origins: tuple[str, ...] = ()

    @field_validator("origins")
    @classmethod
    def _are_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            if not _ORIGIN.fullmatch(origin):
                raise ValueError(
                    f'"{origin}" is not an origin: write scheme and host without a path, like https://shop.example.com'
                )
        return tuple(origin.lower() for origin in value)


class Team(_Strict):
    """A team of people.

    ``skills`` are ids of the fault trees' skills, ``topics`` intents, ``reasons`` of a hand-over.
    """

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
    name: Texts
    skills: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


class Desk(_Strict):
    """How the desk works. Times are in seconds."""

    capacity: Annotated[int, Field(ge=1, le=100)] = 5
    pick_up_s: Annotated[int, Field(ge=1)] = 60
    reply_s: Annotated[int, Field(ge=1)] = 120
    offer_s: Annotated[int, Field(ge=5)] = 45
    first_reply_s: Annotated[int, Field(ge=10)] = 180
    offline_s: Annotated[int, Field(ge=1)] = 30
    overflow_s: Annotated[int, Field(ge=0)] = 60
    teams: tuple[Team, ...] = ()

    def team(self, team: str | None) -> Team | None:
        """The team of this id."""
        return next((one for one in self.teams if one.id == team), None)

    def team_for(self, *, skill: str | None, topic: str | None, reason: str) -> str | None:
        """Whose business a hand-over is: the skill that the diagnosis names, else the topic, else the reason."""
        for field, value in (("skills", skill), ("topics", topic), ("reasons", reason)):
            for team in self.teams:
                if value is not None and value in getattr(team, field):
                    return team.id
        return None


class Figures(_Strict):
    """What the figures are held against: targets as shares or seconds, and what a person's time costs."""

    target_intents: Annotated[float, Field(gt=0, le=1)] = 0.9
    target_entities: Annotated[float, Field(gt=0, le=1)] = 0.9
    target_response_s: Annotated[float, Field(gt=0, le=3600)] = 2.0
    target_coverage: Annotated[float, Field(gt=0, le=1)] = 0.85
    minutes_per_conversation: Annotated[float, Field(ge=0, le=600)] = 6.0
    cost_per_hour: Annotated[float, Field(ge=0, le=1_000_000)] = 40.0


class Service(_Strict):
    """What of the product's settings (docs/settings.md) the company says for itself; without a word those rule."""

    risk_bound: Annotated[float, Field(ge=0.001, le=0.5)] | None = None
    retention_days: Annotated[int, Field(ge=0, le=36_500)] | None = None


class _Paths(_Strict):
    nlu_data: str = "nlu_data"
    articles: str = "articles"
    kg: str | None = None
    accounts: str | None = None
    held_out: str | None = None


class _File(_Strict):
    """``company.toml``, key by key."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
    name: Texts
    tagline: Texts = Field(default_factory=dict)
    languages: Annotated[tuple[Language, ...], Field(min_length=1)]
    default_language: Language
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "CNY"
    timezone: str = "UTC"
    logo_text: Annotated[str, Field(max_length=2)] = ""
    colours: Colours = Colours(primary="#0B6B4F", accent="#A8480C")
    greeting: Texts
    hours: dict[str, Any] = Field(default_factory=dict)
    embed: _Embed = _Embed()
    paths: _Paths = _Paths()
    contact: Contact = Contact()
    desk: Desk = Desk()
    figures: Figures = Figures()
    service: Service = Service()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.default_language not in self.languages:
            raise ValueError(f'default_language "{self.default_language}" is not among languages')
        for key in ("name", "tagline", "greeting"):
            texts: Texts = getattr(self, key)
            for language in self.languages:
                if (texts or key != "tagline") and not texts.get(language, "").strip():
                    raise ValueError(f'{key}.{language} is missing: languages lists "{language}"')
        for team in self.desk.teams:
            for language in self.languages:
                if not team.name.get(language, "").strip():
                    raise ValueError(f'desk.teams: team "{team.id}": name.{language} is missing')
        if len({team.id for team in self.desk.teams}) < len(self.desk.teams):
            raise ValueError("desk.teams: two teams have the same id")
        try:
            ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f'timezone "{self.timezone}" is not an IANA name such as Asia/Shanghai') from error
        return self


def _variants(value: Any) -> Any:
    """Let ``text`` be written as one string or as a list of variants."""
    if not isinstance(value, dict):
        return value
    return {language: [texts] if isinstance(texts, str) else texts for language, texts in value.items()}


class Definition(_Strict):
    """What an intent is called and what happens when it is understood (one entry of ``intents.yml``)."""

    name: str
    label: Texts
    description: Texts = Field(default_factory=dict)
    do: Literal["say", "answer", "skill", "diagnose", "handoff"]
    skill: str | None = None
    text: Annotated[dict[Language, tuple[str, ...]], BeforeValidator(_variants)] = Field(default_factory=dict)
    articles: tuple[str, ...] = ()
    symptoms: tuple[str, ...] = ()
    reason: str | None = None
    group: str = ""
    suggest: bool = False

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        if not _NAME.fullmatch(self.name):
            raise ValueError("an intent's name has lower-case letters, digits and underscores only")
        needed = {"say": "text", "skill": "skill", "handoff": "reason"}.get(self.do)
        if needed and not getattr(self, needed):
            raise ValueError(f"do: {self.do} needs {needed}")
        owner = {"text": "say", "articles": "answer", "skill": "skill", "symptoms": "diagnose", "reason": "handoff"}
        for field, kind in owner.items():
            if getattr(self, field) and self.do != kind and (field, self.do) != ("articles", "diagnose"):
                raise ValueError(f"{field} belongs to do: {kind}, not to do: {self.do}")
        if self.reason is not None and self.reason not in HANDOFF_REASONS:
            raise ValueError(f'reason "{self.reason}" is unknown: use one of {", ".join(sorted(HANDOFF_REASONS))}')
        return self


class _Front(_Strict):
    title: Annotated[str, Field(min_length=1)]
    category: str = ""
    summary: str = ""
    intents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Article:
    """A help article in one language; the same ``id`` in another language is its translation."""

    id: str
    language: Language
    title: str
    category: str
    summary: str
    intents: tuple[str, ...]
    markdown: str
    """The article's text after the front matter. The company's own words, yet never trusted as HTML."""


CHANGEABLE = (
    "name", "tagline", "logo_text", "colours", "greeting", "languages", "default_language", "hours", "contact", "embed",
    "desk", "figures", "service",
)  # fmt: skip
"""The keys of ``company.toml`` that the console changes while the product runs."""


@dataclass(frozen=True)
class Company:
    """A loaded company. A changed folder is loaded anew; what the console changes arrives by `take`."""

    folder: Path
    id: str
    name: Texts
    tagline: Texts
    languages: tuple[Language, ...]
    default_language: Language
    currency: str
    timezone: str
    logo_text: str
    colours: Colours
    greeting: Texts
    hours: Mapping[str, Hours]
    """Weekday (``monday`` …) to the hours of that day; a weekday that is not here has none."""
    holidays: frozenset[dt.date]
    origins: tuple[str, ...]
    """Sites that may embed the widget."""
    contact: Contact
    desk: Desk
    figures: Figures
    service: Service
    nlu_dir: Path
    articles_dir: Path
    kg_dir: Path | None
    accounts_file: Path | None
    held_out: Path | None
    """Messages that no training sees, file or folder: what a candidate is measured on. Only a training looks for it."""
    intents: Mapping[str, Definition]

    @classmethod
    def load(cls, folder: Path) -> Company:
        """Read a company's folder.

        Raises:
            CompanyError: A file is missing or says something that cannot be used.
        """
        folder = folder.expanduser().absolute()
        path = folder / FILE_NAME
        if not path.is_file():
            raise CompanyError(f"{path}: there is no such file; `kefu init {folder.name}` makes a company folder")
        file = _validate(_File, _read_toml(path), path)
        hours, holidays = _read_hours(file.hours, path)
        nlu_dir = _inside(folder, file.paths.nlu_data)
        articles_dir = _inside(folder, file.paths.articles)
        kg_dir = _inside(folder, file.paths.kg) if file.paths.kg else None
        accounts_file = _inside(folder, file.paths.accounts) if file.paths.accounts else None
        for key, place in (("nlu_data", nlu_dir), ("articles", articles_dir)):
            if not place.is_dir():
                raise CompanyError(f"{path}: paths.{key} is {place}, which is not a folder")
        if accounts_file is not None and not accounts_file.is_file():
            raise CompanyError(f"{path}: paths.accounts is {accounts_file}, which is not a file")
        return cls(
            folder=folder,
            id=file.id,
            name=file.name,
            tagline=file.tagline,
            languages=file.languages,
            default_language=file.default_language,
            currency=file.currency,
            timezone=file.timezone,
            logo_text=file.logo_text or file.name[file.default_language][:1],
            colours=file.colours,
            greeting=file.greeting,
            hours=hours,
            holidays=holidays,
            origins=file.embed.origins,
            contact=file.contact,
            desk=file.desk,
            figures=file.figures,
            service=file.service,
            nlu_dir=nlu_dir,
            articles_dir=articles_dir,
            kg_dir=kg_dir,
            accounts_file=accounts_file,
            held_out=_inside(folder, file.paths.held_out) if file.paths.held_out else None,
            intents=_read_intents(nlu_dir / "intents.yml", file.languages),
        )

    def take(self, document: Mapping[str, Any]) -> None:
        """Goes on with other values of the keys in `CHANGEABLE`, in the form of ``company.toml``.

        All who hold this company see them at once and together: nothing runs between two of them.

        Raises:
            CompanyError: They cannot be used; nothing has changed.
        """
        path = self.folder / FILE_NAME
        kept = {"id": self.id, "currency": self.currency, "timezone": self.timezone}
        file = _validate(_File, {**{key: document[key] for key in CHANGEABLE if key in document}, **kept}, path)
        hours, holidays = _read_hours(file.hours, path)
        values = {key: getattr(file, key) for key in CHANGEABLE if key not in {"hours", "embed", "logo_text"}}
        values |= {"hours": hours, "holidays": holidays, "origins": file.embed.origins}
        values["logo_text"] = file.logo_text or file.name[file.default_language][:1]
        for key, value in values.items():
            object.__setattr__(self, key, value)
        self.__dict__.pop("articles", None)  # they are those of the languages

    def document(self) -> dict[str, Any]:
        """The present values of the keys in `CHANGEABLE`: plain JSON values, every key there."""
        hours = {day: self.hours[day].model_dump() for day in WEEKDAYS if day in self.hours}
        return {
            "name": dict(self.name),
            "tagline": dict(self.tagline),
            "logo_text": self.logo_text,
            "colours": self.colours.model_dump(),
            "greeting": dict(self.greeting),
            "languages": list(self.languages),
            "default_language": self.default_language,
            "hours": {**hours, "holidays": sorted(day.isoformat() for day in self.holidays)},
            "contact": self.contact.model_dump(),
            "embed": {"origins": list(self.origins)},
            "desk": self.desk.model_dump(mode="json"),
            "figures": self.figures.model_dump(),
            "service": self.service.model_dump(),
        }

    @cached_property
    def entity_kinds(self) -> dict[str, EntityKind]:
        """The entity kinds of the company's training data, by name.

        Raises:
            DataError: The file cannot be used.
        """
        from server.nlu.data import load_entities  # noqa: PLC0415 (most who load a company need no training data)

        path = self.nlu_dir / "entities.yml"
        return load_entities(path if path.is_file() else None)

    @cached_property
    def articles(self) -> tuple[Article, ...]:
        """All help articles, by language, then by id.

        Raises:
            CompanyError: An article has no front matter or one that cannot be used.
        """
        return tuple(
            _read_article(path, language)
            for language in self.languages
            for path in sorted((self.articles_dir / language).glob("*.md"))
        )

    def article(self, article_id: str, language: str) -> Article | None:
        """Return one article in ``language``, else in the company's other languages, else ``None``."""
        found = {article.language: article for article in self.articles if article.id == article_id}
        for candidate in (language, self.default_language, *self.languages):
            if candidate in found:
                return found[candidate]
        return None

    @property
    def suggestions(self) -> tuple[Definition, ...]:
        """The intents that the welcome offers as examples of what can be asked, a person after all else."""
        offered = [definition for definition in self.intents.values() if definition.suggest]
        return tuple(sorted(offered, key=lambda definition: definition.do == "handoff"))

    @property
    def person(self) -> Definition | None:
        """The intent that asks for a person."""
        return next(
            (one for one in self.intents.values() if one.do == "handoff" and one.reason == "customer_asked"), None
        )

    def is_open(self, now: dt.datetime) -> bool:
        """Whether people are on duty at ``now`` (an aware time of any zone)."""
        if now.tzinfo is None:
            raise ValueError("is_open needs an aware time: a naive one could mean any zone")
        local = now.astimezone(ZoneInfo(self.timezone))
        hours = self.hours.get(WEEKDAYS[local.weekday()])
        if hours is None or local.date() in self.holidays:
            return False
        return hours.open <= local.strftime("%H:%M") < hours.close

    def opens_at(self, now: dt.datetime) -> dt.datetime | None:
        """When people are next on duty, in UTC; ``None`` where they are now or not within two weeks."""
        if self.is_open(now):
            return None
        zone = ZoneInfo(self.timezone)
        today = now.astimezone(zone).date()
        for day in (today + dt.timedelta(days=ahead) for ahead in range(15)):
            hours = self.hours.get(WEEKDAYS[day.weekday()])
            if hours is None or day in self.holidays:
                continue
            opening = dt.datetime.combine(day, dt.time.fromisoformat(hours.open), zone)
            if opening > now:
                return opening.astimezone(dt.UTC)
        return None

    def public(self, now: dt.datetime | None = None) -> dict[str, Any]:
        """What anyone may know about the company, for pages and widgets: plain JSON values."""
        return {
            "id": self.id,
            "name": self.name,
            "tagline": self.tagline,
            "languages": list(self.languages),
            "default_language": self.default_language,
            "currency": self.currency,
            "timezone": self.timezone,
            "logo_text": self.logo_text,
            "colours": self.colours.model_dump(),
            "greeting": self.greeting,
            "hours": {day: self.hours[day].model_dump() for day in WEEKDAYS if day in self.hours},
            "holidays": sorted(day.isoformat() for day in self.holidays),
            "open": self.is_open(now or dt.datetime.now(dt.UTC)),
            "contact": {key: value for key, value in self.contact.model_dump().items() if value},
            "suggestions": [{"intent": one.name, "label": one.label} for one in self.suggestions],
        }

    def problems(self) -> list[str]:
        """References between the files that lead nowhere, one line each; `kefu train` and `kefu up` refuse any."""
        return list(self._problems())

    def _problems(self) -> Iterator[str]:
        ids = {article.id for article in self.articles}
        intents_file = self.nlu_dir / "intents.yml"
        if self.kg_dir is not None and not self.kg_dir.is_dir():
            yield f"{self.folder / FILE_NAME}: paths.kg is {self.kg_dir}, which is not a folder"
        for definition in self.intents.values():
            for article in definition.articles:
                if article not in ids:
                    yield (
                        f'{intents_file}: intent "{definition.name}" points to article "{article}", which is not in '
                        f"{self.articles_dir}"
                    )
        for team in self.desk.teams:
            which = f'{self.folder / FILE_NAME}: desk.teams: team "{team.id}"'
            yield from (
                f'{which} takes the topic "{topic}", which {intents_file} does not define'
                for topic in team.topics
                if topic not in self.intents
            )
            yield from (
                f'{which}: reason "{reason}" is unknown' for reason in team.reasons if reason not in HANDOFF_REASONS
            )
        for one in self.articles:
            place = self.articles_dir / one.language / f"{one.id}.md"
            for intent in one.intents:
                if intent not in self.intents:
                    yield f'{place}: intents names "{intent}", which {intents_file} does not define'
            for language in self.languages:
                if not (self.articles_dir / language / f"{one.id}.md").is_file():
                    yield f'{place}: has no translation {language}/{one.id}.md, though languages lists "{language}"'


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise CompanyError(f"{path}: not valid TOML: {error}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise CompanyError(f"{path}: cannot be read: {error}") from error


def _read_hours(table: dict[str, Any], path: Path) -> tuple[dict[str, Hours], frozenset[dt.date]]:
    hours: dict[str, Hours] = {}
    holidays: set[dt.date] = set()
    for key, value in table.items():
        if key in WEEKDAYS:
            hours[key] = _validate(Hours, value, path, f"hours.{key}")
        elif key == "holidays":
            try:
                holidays = {day if isinstance(day, dt.date) else dt.date.fromisoformat(day) for day in value}
            except (TypeError, ValueError) as error:
                raise CompanyError(f"{path}: hours.holidays: {error}; write dates like 2027-02-06") from error
        else:
            raise CompanyError(f"{path}: hours.{key}: use {', '.join(WEEKDAYS)} or holidays")
    return hours, frozenset(holidays)


def _read_intents(path: Path, languages: tuple[Language, ...]) -> dict[str, Definition]:
    intents: dict[str, Definition] = {}
    for name, line, value in _entries(path, "intents"):
        place = f"{path}:{line}"
        if not isinstance(value, dict):
            raise CompanyError(f'{place}: intent "{name}" needs label, description and do')
        if name in intents:
            raise CompanyError(f'{place}: intent "{name}" is defined twice')
        definition = _validate(Definition, {"name": name, **value}, place, f'intent "{name}"')
        for language in languages:
            for field in ("label", *(("text",) if definition.do == "say" else ())):
                if not getattr(definition, field).get(language):
                    raise CompanyError(f'{place}: intent "{name}": {field}.{language} is missing')
        intents[name] = definition
    if not intents:
        raise CompanyError(f"{path}: defines no intent; at least one is needed")
    return intents


def _entries(path: Path, root_key: str) -> Iterator[tuple[str, int, Any]]:
    """Yield name, line and value of every entry below ``root_key`` of a YAML file."""
    try:
        loader = _LOADER(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise CompanyError(f"{path}: cannot be read: {error}") from error
    try:
        root = loader.get_single_node()
        pairs = root.value if isinstance(root, yaml.MappingNode) else []
        nodes = {key.value: value for key, value in pairs}
        if set(nodes) != {root_key} or not isinstance(nodes[root_key], yaml.MappingNode):
            raise CompanyError(f"{path}: begins with one key, {root_key}:, and lists the {root_key} below it")
        for key, value in nodes[root_key].value:
            yield key.value, key.start_mark.line + 1, loader.construct_object(value, deep=True)
    except yaml.YAMLError as error:
        raise CompanyError(_yaml_fault(error, path)) from error
    finally:
        loader.dispose()


def _read_article(path: Path, language: Language) -> Article:
    if not _ARTICLE_ID.fullmatch(path.stem):
        raise CompanyError(f"{path}: an article's file name has lower-case letters, digits, - and _ only")
    try:
        match = _FRONT_MATTER.match(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise CompanyError(f"{path}: cannot be read: {error}") from error
    if match is None:
        raise CompanyError(f"{path}:1: begins with front matter: --- on a line, title: …, --- on a line")
    try:
        values = yaml.load(match[1], Loader=_LOADER)  # noqa: S506 (a safe loader, in C where there is one)
    except yaml.YAMLError as error:
        raise CompanyError(_yaml_fault(error, path, first_line=2)) from error
    front = _validate(_Front, values, path)
    return Article(
        id=path.stem,
        language=language,
        title=front.title,
        category=front.category,
        summary=front.summary,
        intents=front.intents,
        markdown=match[2].strip() + "\n",
    )


def _yaml_fault(error: yaml.YAMLError, path: Path, first_line: int = 1) -> str:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or "unreadable character"
    return f"{path}:{mark.line + first_line if mark else first_line}: not valid YAML: {problem}"


def _inside(folder: Path, name: str) -> Path:
    return (folder / name).resolve()


def _validate(model: type[_M], values: Any, place: object, what: str = "") -> _M:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        fault = error.errors()[0]
        key = ".".join(str(part) for part in fault["loc"] if part != "[key]")
        where = ": ".join(part for part in (str(place), what, key) if part)
        message = fault["msg"].removeprefix("Value error, ")
        if fault["type"] == "extra_forbidden":
            known = ", ".join(name for name in model.model_fields if name != "name" or model is not Definition)
            message = f"is not a key that is known here (known: {known})" if len(fault["loc"]) == 1 else "is unknown"
        raise CompanyError(f"{where}: {message}") from error
