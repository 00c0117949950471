"""A custom action's call, without what the actions do not read."""

from __future__ import annotations

from typing import Any

import jsonschema
from rasa.core.actions.action import RemoteAction
from rasa.shared.core.domain import Domain
from rasa.shared.core.trackers import DialogueStateTracker

# Rasa checks this schema against the meta-schema at every reply, half of the CPU time of a turn: compiled once here.
_REPLY = jsonschema.Draft7Validator(RemoteAction.action_response_format_spec())


class SlimRemoteAction(RemoteAction):
    """Sends slots and the latest message only; the domain and the events stay here."""

    def _action_call_format(self, tracker: DialogueStateTracker, domain: Domain) -> dict[str, Any]:
        latest = tracker.latest_message
        return {
            "next_action": self.name(),
            "sender_id": tracker.sender_id,
            "version": "3.6.21",
            "domain": {},
            "tracker": {
                "sender_id": tracker.sender_id,
                "slots": tracker.current_slot_values(),
                "latest_message": {
                    "text": latest.text,
                    "intent": latest.intent,
                    "entities": latest.entities,
                    "metadata": latest.metadata,
                },
                "events": [],
                "paused": tracker.is_paused(),
                "latest_input_channel": "kefu",
                "active_loop": {},
                "latest_action_name": tracker.latest_action_name,
                "followup_action": None,
            },
        }

    def _validate_action_result(self, result: dict[str, Any]) -> bool:
        _REPLY.validate(result)
        return True
