"""NLU components: the parse comes from the model service, the thresholds from the release that it names."""

from __future__ import annotations

import json
import os
import urllib.request
from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.nlu.classifiers.fallback_classifier import (
    AMBIGUITY_THRESHOLD_KEY,
    THRESHOLD_KEY,
    FallbackClassifier,
)
from rasa.nlu.extractors.extractor import EntityExtractorMixin
from rasa.shared.nlu.constants import ENTITIES, INTENT, INTENT_RANKING_KEY, METADATA, TEXT
from rasa.shared.nlu.training_data.message import Message

DYNAMIC_INTENT = "dynamic"
PARSE_DEADLINE_S = 5.0
NOTHING_UNDERSTOOD: dict[str, Any] = {"intent": {"name": None, "confidence": 0.0}, "intent_ranking": [], "entities": []}


def parse_of(message: Message) -> dict[str, Any]:
    """The model service's parse that travelled with the message; empty where there is none."""
    metadata = message.get(METADATA) or {}
    parse = metadata.get("parse")
    return parse if isinstance(parse, dict) else {}


@DefaultV1Recipe.register(
    [
        DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER,
        DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR,
    ],
    is_trainable=False,
)
class ModelServiceUnderstanding(GraphComponent, IntentClassifier, EntityExtractorMixin):
    """Takes intent ranking and entities from the message's metadata.

    The gateway fetches the parse before it posts a turn, because a component that waits for a model blocks the whole
    worker. Where a message carries none (``rasa shell``, ``rasa test``), the model service at ``KEFU_MODELS_URL`` is
    asked.
    """

    def __init__(self, models_url: str) -> None:
        self._models_url = models_url

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> ModelServiceUnderstanding:
        """Creates the component; the address comes from ``KEFU_MODELS_URL``."""
        return cls(os.environ.get("KEFU_MODELS_URL", "http://127.0.0.1:8101"))

    def process(self, messages: list[Message]) -> list[Message]:
        """Writes intent, ranking and entities of the parse into each message."""
        for message in messages:
            parse = parse_of(message) or self._ask(message.get(TEXT) or "")
            message.set(INTENT, dict(parse["intent"]), add_to_output=True)
            message.set(INTENT_RANKING_KEY, [dict(item) for item in parse["intent_ranking"]], add_to_output=True)
            message.set(ENTITIES, [dict(item) for item in parse["entities"]], add_to_output=True)
        return messages

    def _ask(self, text: str) -> dict[str, Any]:
        if not text:
            return NOTHING_UNDERSTOOD
        request = urllib.request.Request(  # noqa: S310 - a setting, not input
            f"{self._models_url}/parse",
            data=json.dumps({"text": text}).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=PARSE_DEADLINE_S) as response:  # noqa: S310 - a setting, not input
            parse: dict[str, Any] = json.load(response)
        return parse


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=False)
class ReleaseFallbackClassifier(FallbackClassifier):
    """``FallbackClassifier`` whose thresholds are the ones computed at training, per language.

    The parse carries them; the configured numbers only serve messages without a parse.
    """

    def process(self, messages: list[Message]) -> list[Message]:
        """Replaces the intent by ``nlu_fallback`` where the release says that it is not sure enough."""
        for message in messages:
            parse = parse_of(message)
            config = dict(self.component_config)
            config[THRESHOLD_KEY] = parse.get("threshold", config[THRESHOLD_KEY])
            config[AMBIGUITY_THRESHOLD_KEY] = parse.get("ambiguity", config[AMBIGUITY_THRESHOLD_KEY])
            FallbackClassifier(config).process([message])
        return messages
