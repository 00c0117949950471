"""The graphs that come with the product: complete in both languages, and about what they have to be about."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

import kg
from kg.explain import keys
from kg.load import load
from kg.model import Graph, Text, Who
from kg.schema import as_plain

ROOT = Path(kg.__file__).parent
ON_THE_PHONE = {
    "check_status_bar", "check_network_status", "check_network_mode_preference", "check_sim_status",
    "check_data_restriction_status", "check_apn_settings", "check_wifi_status", "check_wifi_calling_status",
    "check_vpn_status", "check_installed_apps", "check_app_status", "check_app_permissions", "run_speed_test",
    "can_send_mms",
}  # fmt: skip
FIXED_ON_THE_PHONE = {
    "set_network_mode_preference", "toggle_airplane_mode", "reseat_sim_card", "toggle_data", "toggle_roaming",
    "toggle_data_saver_mode", "set_apn_settings", "reset_apn_settings", "toggle_wifi", "toggle_wifi_calling",
    "connect_vpn", "disconnect_vpn", "grant_app_permission", "reboot_device",
}  # fmt: skip


@pytest.fixture(scope="module")
def graph() -> Graph:
    return load([ROOT / "data"])


def texts(value: object) -> list[Text]:
    if isinstance(value, Text):
        return [value]
    if isinstance(value, dict):
        return [found for item in value.values() for found in texts(item)]
    if isinstance(value, tuple | list):
        return [found for item in value for found in texts(item)]
    fields = getattr(value, "__dataclass_fields__", None)
    return [found for name in fields for found in texts(getattr(value, name))] if fields else []


def test_every_function_of_the_phone_is_there(graph: Graph) -> None:
    assert set(graph.checks) >= ON_THE_PHONE
    assert set(graph.fixes) >= FIXED_ON_THE_PHONE
    assert all(graph.checks[name].step == name for name in ON_THE_PHONE)


def test_system_steps_are_operations_of_the_account_back_end(graph: Graph) -> None:
    contract = yaml.safe_load((ROOT.parent / "docs" / "account-api.yaml").read_text("utf-8"))
    operations = {
        verb["operationId"] for path in contract["paths"].values() for verb in path.values() if "operationId" in verb
    }
    nodes = [*graph.checks.values(), *graph.fixes.values()]
    steps = {node.step for node in nodes if node.who is Who.SYSTEM}
    assert steps <= operations
    assert steps >= {
        "get_line",
        "get_bills",
        "get_data_usage",
        "set_roaming",
        "refuel_data",
        "change_plan",
        "resume_line",
    }


def test_writes_are_confirmed_and_what_is_read_can_be_matched(graph: Graph) -> None:
    for fix in graph.fixes.values():
        assert fix.confirm == (fix.who is Who.SYSTEM)
    for check in graph.checks.values():
        if check.who is Who.SYSTEM:
            assert all(outcome.match for facet in check.facets.values() for outcome in facet.outcomes.values())


def test_both_languages_are_real(graph: Graph) -> None:
    for name, node in graph.nodes.items():
        for text in texts(node):
            assert text.zh.strip(), name
            assert not any("\u4e00" <= c <= "\u9fff" for c in text.en), (name, text.en)


def test_wordings_differ(graph: Graph) -> None:
    for name, node in [*graph.checks.items(), *graph.fixes.items()]:
        wordings = as_plain(node).get("ask" if name in graph.checks else "do", [])
        for language in ("zh", "en"):
            said = [wording[language] for wording in wordings]
            assert len(set(said)) == len(said), name


def test_symptoms_can_be_recognised(graph: Graph) -> None:
    for name, symptom in graph.symptoms.items():
        assert len(symptom.phrases.zh) >= 5, name
        assert len(symptom.phrases.en) >= 5, name
    for facet in graph.facets.values():
        check = graph.checks[facet.check]
        if check.who is Who.CUSTOMER:
            for key, outcome in facet.outcomes.items():
                assert outcome.says.zh, (facet.id, key)
                assert outcome.says.en, (facet.id, key)


def test_there_are_enough_faults_beyond_mobile_service(graph: Graph) -> None:
    mobile = load([ROOT / "data" / "telecom.yaml"])
    assert len(graph.faults) - len(mobile.faults) >= 40


def test_explanations_are_complete() -> None:
    loaded = yaml.safe_load((ROOT / "texts.yaml").read_text("utf-8"))
    assert set(keys()) == set(loaded)
    assert all(set(entry) == {"zh", "en"} for entry in loaded.values())
