"""Experiments: two variants of a text, the greeting, a prompt or the threshold, sticky per customer.

A is what there is, B what is tried. Whoever comes to the place where they differ meets one of them, decided by a hash
of the experiment's salt with the customer (where known, else with the conversation), and the turn's record names it.
The running experiments are read every second, as the company's settings are.
"""

import asyncio
import hashlib
import logging
import secrets
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import IntegrityError

from server.company import Language
from server.gateway.company_settings import CompanySettings
from server.gateway.content import Content
from server.gateway.conversations import Conversations
from server.gateway.experiments_result import METRICS, Metric, assess, plan
from server.gateway.graph_refusals import Refusal
from server.gateway.repeated import Repeated
from server.llm.helpers import MANNER
from server.storage.audit import Audit
from server.storage.store import Tx, as_record
from server.storage.tables import conversations, experiment_units, experiments
from server.texts import LANGUAGES, catalogue, placeholders

Json = dict[str, Any]
logger = logging.getLogger(__name__)
EVERY_S: Final = 1.0
MOST_SHIFT: Final = 0.2
RUNNING, STOPPED, ADOPTED = "running", "stopped", "adopted"
ANSWER: Final = "answer"
"""The target of a prompt: how answers from the help articles are written."""
_TABLES: Final = frozenset({"answer", "clarify", "talk", "handoff", "escalate", "diagnosis", "usage", "bill", "order"})
"""Tables of the catalogues whose texts may be tried otherwise: what the bot says. Consent, codes and safety are not."""
_LEAST_THRESHOLD, _MOST_THRESHOLD = 0.05, 0.99
LANGUAGE_NAMES: Final = {"zh": "中文 / Chinese", "en": "英文 / English"}


@dataclass(frozen=True, slots=True)
class Experiment:
    """One experiment that decides what customers meet: running, or adopted."""

    id: int
    kind: str
    target: str
    variant: Json
    share: float
    salt: str
    state: str

    def assigned(self, unit: str) -> str | None:
        """``a`` or ``b``; None for those who take no part."""
        if self.state == ADOPTED:
            return "b"
        # Two independent numbers from one hash: who takes part must not tell which variant they meet.
        digest = hashlib.sha256(f"{self.salt} {unit}".encode()).digest()
        taking_part, half = (int.from_bytes(digest[at : at + 8]) / 2**64 for at in (0, 8))
        if taking_part >= self.share:
            return None
        return "b" if half < 0.5 else "a"


class Experiments:
    """The experiments in force, and the desk work around them; `start` and `close` own the task that follows them."""

    def __init__(
        self,
        shared: Conversations,
        *,
        settings: CompanySettings,
        content: Content,
        audit: Audit,
        writes: bool = False,
    ) -> None:
        """From now on conversations begin with the greeting of their variant.

        ``writes``: a language model writes answers, so how it is told to can be tried.
        """
        self._writes = writes
        self._store, self._company, self._settings = shared.store, shared.company, settings
        shared.greet = self.greet
        self._content, self._audit = content, audit
        self._now: tuple[Experiment, ...] = ()
        self._reading = asyncio.Lock()
        self._following = Repeated("experiments", EVERY_S, self.refresh)

    async def start(self) -> None:
        """Reads what runs, and follows from now on."""
        await self.refresh()
        self._following.start()

    async def close(self) -> None:
        """Stops following."""
        await self._following.close()

    async def refresh(self) -> None:
        """Reads which experiments decide something now."""
        columns = [experiments.c[name] for name in Experiment.__slots__]
        query = select(*columns).where(experiments.c.state.in_([RUNNING, ADOPTED])).order_by(experiments.c.id)
        async with self._reading:  # or what was read earlier could be taken for newer
            self._now = tuple(as_record(Experiment, row) for row in await self._store.all(query))

    # ------------------------------------------------------------------ what customers meet

    async def say(self, conversation: str, line: Json, record: Json) -> Json:
        """A bot message as this conversation's variants have it."""
        for one in self._now:
            if one.kind == "prompt" and line.get("written") is not None:
                await self._meets(one, conversation, record, record.get("manners", {}).get(str(one.id)))
                continue
            matches = one.target == line.get("key") if one.kind == "text" else (
                one.kind == "say" and "text" in line and one.target == record.get("intent")
            )  # fmt: skip
            if matches and await self._meets(one, conversation, record) == "b":
                line = {**line, "template": one.variant["texts"]}
        return line

    async def parse(self, conversation: str, parse: Json, record: Json) -> Json:
        """A parse with the threshold that this conversation's variant has."""
        for one in self._now:
            if one.kind == "threshold" and await self._meets(one, conversation, record) == "b":
                moved = float(parse.get("threshold", 0.0)) + one.variant["shift"]
                parse = {**parse, "threshold": round(min(_MOST_THRESHOLD, max(_LEAST_THRESHOLD, moved)), 4)}
        return parse

    async def manner(self, conversation: str, locale: str, record: Json) -> str:
        """How a language model writes this turn's answer, should it write one; empty: as usual."""
        found = ""
        for one in self._now:
            if one.kind == "prompt":
                met = None if one.state == ADOPTED else await self._met(one, conversation)
                variant = met or one.assigned(_unit(one, await self._who(conversation)))
                # Whether one is written turns out later; only who meets the place where they differ is counted.
                record.setdefault("manners", {})[str(one.id)] = variant
                if variant == "b":
                    found = str(one.variant["texts"].get(locale) or "")
        return found

    async def greet(self, tx: Tx, conversation: str, customer: str | None, language: Language) -> str:
        """The greeting of a conversation that is being made in this transaction."""
        greeting = self._company.greeting[language]
        for one in self._now:
            if one.kind == "greeting" and (variant := one.assigned(_unit(one, customer or conversation))):
                await self._note(tx, one, conversation, customer or conversation, variant)
                if variant == "b":
                    greeting = one.variant["texts"][language]
        return greeting

    async def _met(self, one: Experiment, conversation: str) -> str | None:
        where = (experiment_units.c.experiment == one.id, experiment_units.c.conversation == conversation)
        met = await self._store.one(select(experiment_units.c.variant).where(*where))
        return None if met is None else str(met.variant)

    async def _who(self, conversation: str) -> str:
        state = await self._store.one(
            select(conversations.c.account, conversations.c.customer).where(conversations.c.id == conversation)
        )
        return (state.account or state.customer or conversation) if state is not None else conversation

    async def _meets(self, one: Experiment, conversation: str, record: Json, decided: str | None = None) -> str | None:
        """The variant that the conversation meets (``decided`` earlier in the turn); the first time it is noted."""
        if one.state == ADOPTED:
            return "b"
        variant = await self._met(one, conversation)
        if variant is None:
            who = await self._who(conversation)
            variant = decided or one.assigned(_unit(one, who))
            if variant is not None:
                try:
                    async with self._store.write() as tx:
                        await self._note(tx, one, conversation, who, variant)
                except IntegrityError:
                    # The same turn, run by another gateway: both found the same, for a hash decides.
                    logger.info("experiment %d: this conversation was written down at the same moment", one.id)
        if variant is not None:
            record.setdefault("experiments", {})[str(one.id)] = variant
        return variant

    async def _note(self, tx: Tx, one: Experiment, conversation: str, who: str, variant: str) -> None:
        if one.state == ADOPTED:
            return
        row = {"experiment": one.id, "conversation": conversation, "unit": _unit(one, who), "variant": variant}
        await tx.execute(insert(experiment_units).values(**row, at=tx.now))

    # ------------------------------------------------------------------ the console

    def targets(self) -> Json:
        """What can be tried: texts of the catalogues, and intents that answer with a fixed text."""
        texts = {language: catalogue(language) for language in LANGUAGES}
        return {
            "texts": [
                {"key": key, "text": {language: texts[language][key] for language in LANGUAGES}}
                for key in texts["zh"] if key.partition(".")[0] in _TABLES
            ],
            "intents": [
                {"name": one.name, "label": one.label, "text": {name: said[0] for name, said in one.text.items()}}
                for one in self._company.intents.values() if one.do == "say"
            ],
            "greeting": dict(self._company.greeting),
            "prompts": {ANSWER: dict(MANNER)} if self._writes else {},
            "metrics": list(METRICS),
        }  # fmt: skip

    async def plan(self, metric: Metric, effect: float, share: float) -> Json:
        """How many conversations, and days, an experiment is likely to take."""
        return await plan(self._store, metric, effect, share)

    async def listed(self) -> list[Json]:
        """All experiments, newest first, with what is known of each."""
        rows = await self._store.all(select(*experiments.c).order_by(experiments.c.id.desc()).limit(100))
        return [await self._json(row) for row in rows]

    async def begin(self, given: Json, author: str) -> Json:
        """Starts an experiment.

        Raises:
            Refusal: ``unusable`` where target or variant cannot be used, ``conflict`` where the place is taken.
        """
        self._check(given["kind"], given["target"], given["variant"])
        place = (experiments.c.kind == given["kind"], experiments.c.target == given["target"])
        async with self._store.write() as tx:
            taken = (
                await tx.execute(select(experiments.c.name).where(*place, experiments.c.state.in_([RUNNING, ADOPTED])))
            ).first()
            if taken is not None:
                raise Refusal("conflict", "experiments.busy", {"name": taken.name})
            row = {**given, "salt": secrets.token_hex(8), "state": RUNNING, "author": author, "started": tx.now}
            made = (await tx.execute(insert(experiments).values(**row).returning(experiments.c.id))).scalar_one()
            await self._audit.note_in(tx, author, "experiment.begun", f"experiment:{made}", name=given["name"])
        await self.refresh()
        return await self.one(made)

    async def end(self, number: int, author: str, *, adopt: bool) -> Json:
        """Ends an experiment; adopted, B is for everybody from now on. An adopted one that is ended gives way to A.

        Raises:
            Refusal: ``unknown``, or ``conflict`` where it is over.
        """
        row = await self._row(number)
        if row.state == STOPPED or (adopt and row.state == ADOPTED):
            raise Refusal("conflict", "experiments.over")
        result = row.result if row.state == ADOPTED else await assess(self._store, row)
        state = ADOPTED if adopt and row.kind != "greeting" else STOPPED
        if adopt and row.kind == "greeting":
            # The greeting has a place of its own where it is kept.
            current = await self._settings.current()
            document = {**current["settings"], "greeting": row.variant["texts"]}
            await self._settings.save(current["version"], document, row.name, author)
        async with self._store.write() as tx:
            values = {"state": state, "ended": tx.now, "ended_by": author, "result": result}
            await tx.execute(update(experiments).where(experiments.c.id == number).values(**values))
            what = "experiment.adopted" if adopt else "experiment.stopped"
            await self._audit.note_in(tx, author, what, f"experiment:{number}", name=row.name)
        await self.refresh()
        return await self.one(number)

    async def one(self, number: int) -> Json:
        """One experiment with what is known of it."""
        return await self._json(await self._row(number))

    async def _row(self, number: int) -> Any:
        row = await self._store.one(select(*experiments.c).where(experiments.c.id == number))
        if row is None:
            raise Refusal("unknown", "experiments.unknown")
        return row

    async def _json(self, row: Any) -> Json:
        met = await self._store.one(
            select(func.count()).select_from(experiment_units).where(experiment_units.c.experiment == row.id)
        )
        names = ("id", "name", "kind", "target", "variant", "share", "metric", "effect", "state", "author", "started",
                 "ended", "ended_by")  # fmt: skip
        return {
            **{name: getattr(row, name) for name in names},
            "met": met[0] if met else 0,
            "original": self._original(row.kind, row.target),
            "result": await assess(self._store, row) if row.state == RUNNING else row.result,
        }

    def _original(self, kind: str, target: str) -> Json | None:
        if kind == "greeting":
            return {str(language): text for language, text in self._company.greeting.items()}
        if kind == "prompt" and target == ANSWER:
            return dict(MANNER)
        if kind == "text" and target in catalogue("zh"):
            return {language: catalogue(language)[target] for language in LANGUAGES}
        definition = self._company.intents.get(target)
        return {name: said[0] for name, said in definition.text.items()} if kind == "say" and definition else None

    def _check(self, kind: str, target: str, variant: Json) -> None:
        if kind == "threshold":
            shift = variant.get("shift")
            if not isinstance(shift, int | float) or not 0 < abs(shift) <= MOST_SHIFT:
                raise Refusal("unusable", "experiments.threshold")
            return
        if kind == "prompt" and not self._writes:
            raise Refusal("not_configured", "experiments.no_model")
        original = self._original(kind, target)
        if not original or (kind == "text" and target.partition(".")[0] not in _TABLES):
            raise Refusal("unusable", "experiments.target", {"target": target[:80]})
        texts = variant.get("texts")
        if not isinstance(texts, dict):
            texts = {}
        for language in self._company.languages:
            self._check_text(str(texts.get(language) or ""), str(original.get(language, "")), language, kind)
        if all(texts[language] == original.get(language) for language in self._company.languages):
            raise Refusal("unusable", "experiments.same")

    def _check_text(self, text: str, original: str, language: str, kind: str) -> None:
        named = LANGUAGE_NAMES[language]
        if not text.strip():
            raise Refusal("unusable", "experiments.texts", {"language": named})
        wanted = placeholders(original) if kind == "text" else set()
        if placeholders(text) != wanted:
            shown = ", ".join(f"{{{name}}}" for name in sorted(wanted)) or "–"
            raise Refusal("unusable", "experiments.placeholders", {"language": named, "names": shown})
        verdict = self._content.forbids(text)
        if verdict is not None:
            raise Refusal("unusable", "experiments.not_allowed", {"phrase": verdict.phrase})


def _unit(one: Experiment, who: str) -> str:
    """Who takes part, under a name that tells nobody who they are."""
    return hashlib.sha256(f"{one.salt} unit {who}".encode()).hexdigest()
