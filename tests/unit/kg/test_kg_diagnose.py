from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path

import pytest

import kg
from benchmarks.diagnosis import by_engine, by_manual, synthetic
from benchmarks.phone import FAULTS, ONLY_A_PERSON, Phone, broken_phone
from kg.compiled import Knowledge
from kg.diagnose import MAX_STEPS, Answer, State, StateError, Step, answer, outcomes_of_facts, start
from kg.explain import for_agent, for_customer
from kg.load import load, load_texts
from kg.model import Who
from kg.next_step import hypotheses, next_step

WRITES = {"set_roaming", "refuel_data", "change_plan", "send_payment_request", "resume_line"}


@pytest.fixture(scope="module")
def knowledge() -> Knowledge:
    made = Knowledge(load([Path(kg.__file__).parent / "data"]))
    made.compile_all()
    return made


def led(
    knowledge: Knowledge, symptom: str, phone: Phone, unsure: float, dice: random.Random
) -> list[tuple[Step, State]]:
    """All steps of a diagnosis with the state that each was chosen in."""
    state = start(knowledge, symptom)
    steps = []
    while True:
        step = next_step(knowledge, state)
        steps.append((step, state))
        if step.kind in ("solved", "handoff"):
            return steps
        if step.kind == "confirm":
            given = Answer("confirm", step.node, result="yes")
        elif step.kind == "fix":
            phone.do(step.id)
            result = "done" if not step.retest else "still" if phone.suffers(symptom) else "solved"
            given = Answer("fix", step.node, result=result)
        elif step.who is Who.CUSTOMER and dice.random() < unsure:
            given = Answer("check", step.node, result="unsure")
        else:
            given = Answer("check", step.node, outcomes=phone.look(step.id))
        state = answer(knowledge, state, given)


WORKING = {"get_line.status": "active", "check_sim_status": "active", "check_status_bar.airplane": "off"}


@pytest.mark.parametrize("unsure", [0.0, 0.2])
def test_simulated_customers_are_helped(knowledge: Knowledge, unsure: float) -> None:
    dice = random.Random(2026)
    engine_steps = manual_steps = 0
    for _ in range(60):
        symptom, number, case = dice.choice(list(FAULTS)), dice.randint(1, 9), dice.randrange(2**31)
        phone = broken_phone(symptom, number, random.Random(case))
        hopeless = bool(phone.faults & ONLY_A_PERSON)
        trail = led(knowledge, symptom, phone, unsure, random.Random(case))
        last = trail[-1][0]
        assert (last.kind == "solved") == (not phone.suffers(symptom))
        assert last.kind == "solved" or hopeless, (symptom, case)
        engine_steps += sum(
            s.kind != "handoff" and (s.who is Who.CUSTOMER or s.kind == "confirm" or s.retest) for s, _ in trail
        )
        assert trail[-1][1]["steps"] <= MAX_STEPS
        manual_steps += by_manual(
            symptom, broken_phone(symptom, number, random.Random(case)), 0.0, random.Random(case)
        ).steps
    assert engine_steps < 0.7 * manual_steps


def test_no_words_twice_and_no_change_unasked(knowledge: Knowledge) -> None:
    dice = random.Random(7)
    for _ in range(30):
        symptom = dice.choice(list(FAULTS))
        phone = broken_phone(symptom, dice.randint(1, 9), dice)
        confirmed: set[str] = set()
        texts: Counter[str] = Counter()
        for step, _ in led(knowledge, symptom, phone, 0.4, dice):
            if step.kind == "confirm":
                confirmed.add(step.id)
            if step.kind == "fix" and step.id in WRITES:
                assert step.id in confirmed
            if step.kind == "check" and step.text:
                texts[step.text.en] += 1
        # After a fix a question about the new state may be asked in the words of before, but not while nothing changed.
        assert max(texts.values(), default=0) <= 2


def test_the_same_state_gives_the_same_step_and_is_left_alone(knowledge: Knowledge) -> None:
    state = start(knowledge, "mms_fails")
    frozen = json.dumps(state, sort_keys=True)
    first = next_step(knowledge, state)
    after = answer(knowledge, state, Answer("check", first.node, outcomes={"status": "active", "roaming": "on"}))
    assert json.dumps(state, sort_keys=True) == frozen
    assert next_step(knowledge, json.loads(frozen)) == first
    assert json.loads(json.dumps(after)) == after


def test_what_was_told_is_not_asked(knowledge: Knowledge) -> None:
    told = {"check_sim_status": "missing", "get_line.status": "active", "get_line.roaming": "on"}
    state = start(knowledge, "no_service", told)
    step = next_step(knowledge, state)
    assert (step.kind, step.id) == ("fix", "reseat_sim_card")
    assert step.retest
    assert step.question is not None


def test_a_restart_already_tried_is_not_asked_for_first(knowledge: Knowledge) -> None:
    state = start(knowledge, "tv_stutters", {"check_box_connection": "good"})
    before = dict(hypotheses(knowledge, state))["box_hung"]
    after = answer(knowledge, state, Answer("tried", "reboot_box"))
    assert dict(hypotheses(knowledge, after))["box_hung"] < before / 3


def test_unsure_answers_lead_on(knowledge: Knowledge) -> None:
    """Someone who knows nothing is still helped: every fault that a fix removes is tried in the end."""
    for fault in ("saver", "vpn", "old_mode"):
        phone = Phone({fault})
        assert led(knowledge, "slow_data", phone, 1.0, random.Random(1))[-1][0].kind == "solved", fault


def test_a_refused_confirmation_changes_nothing(knowledge: Knowledge) -> None:
    told = {"get_line.status": "active", "get_line.roaming": "on", "get_data_usage": "used_up"}
    state = start(knowledge, "mobile_data_unavailable", told | {"check_sim_status": "active"})
    step = next_step(knowledge, state)
    assert (step.kind, step.id) == ("confirm", "refuel_data")
    state = answer(knowledge, state, Answer("confirm", "refuel_data", result="no"))
    second = next_step(knowledge, state)
    assert (second.kind, second.id) == ("confirm", "change_plan")
    state = answer(knowledge, state, Answer("confirm", "change_plan", result="no"))
    assert next_step(knowledge, state).id not in ("refuel_data", "change_plan")


def test_policy_cases_go_to_people(knowledge: Knowledge) -> None:
    for told, skill in (
        ({"get_line.status": "contract_ended"}, "line_support"),
        ({"check_sim_status": "locked"}, "sim_security"),
    ):
        step = next_step(knowledge, start(knowledge, "no_service", told))
        assert (step.kind, step.reason, step.skill) == ("handoff", "policy", skill)
        assert step.text is not None


def test_danger_ends_at_once(knowledge: Knowledge) -> None:
    step = next_step(knowledge, start(knowledge, "battery_swollen"))
    assert (step.kind, step.reason, step.skill) == ("handoff", "safety", "device_safety")
    assert step.text is not None
    state = start(knowledge, "phone_hot")
    asked = next_step(knowledge, state)
    assert asked.id == "check_battery_shape"
    state = answer(knowledge, state, Answer("check", asked.node, outcomes={"": "swollen"}))
    assert next_step(knowledge, state).reason == "safety"
    reported = answer(knowledge, start(knowledge, "slow_wifi"), Answer("safety"))
    assert next_step(knowledge, reported).reason == "safety"


def test_whether_it_helped_is_asked_again_when_unclear(knowledge: Knowledge) -> None:
    state = start(knowledge, "no_service", {"check_sim_status": "missing", "get_line.status": "active"})
    fix = next_step(knowledge, state)
    state = answer(knowledge, state, Answer("fix", fix.node, result="unsure"))
    again = next_step(knowledge, state)
    assert (again.kind, again.id, again.retest) == ("check", "check_status_bar", True)
    assert again.text != fix.question
    solved = answer(knowledge, state, Answer("check", again.node, result="solved"))
    assert next_step(knowledge, solved).kind == "solved"


def test_an_access_point_is_reset_and_the_phone_restarted(knowledge: Knowledge) -> None:
    state = start(knowledge, "no_service", {**WORKING, "check_apn_settings.apn": "incorrect"})
    step = next_step(knowledge, state)
    assert (step.id, step.retest) == ("reset_apn_settings", False)
    state = answer(knowledge, state, Answer("fix", step.node, result="done"))
    step = next_step(knowledge, state)
    assert (step.id, step.retest) == ("reboot_device", True)


def test_one_restart_completes_two_repairs(knowledge: Knowledge) -> None:
    told = {"get_line.status": "suspended", "get_bills": "paid", "check_sim_status": "active"}
    state = start(knowledge, "no_service", told | {"check_apn_settings.apn": "incorrect"})
    made = []
    while (step := next_step(knowledge, state)).id != "reboot_device":
        made.append((step.kind, step.id, step.retest))
        result = "yes" if step.kind == "confirm" else "done"
        state = answer(knowledge, state, Answer(step.kind, step.node, result=result))  # type: ignore[arg-type]
    assert sorted(made) == [("confirm", "resume_line", False), ("fix", "reset_apn_settings", False),
                            ("fix", "resume_line", False)]  # fmt: skip
    assert step.retest


def test_a_refusal_keeps_the_restart_that_another_repair_needs(knowledge: Knowledge) -> None:
    told = {"get_line.status": "suspended", "get_bills": "paid", "check_sim_status": "active"}
    state = start(knowledge, "no_service", told | {"check_apn_settings.apn": "incorrect"})
    state = answer(knowledge, state, Answer("fix", "reset_apn_settings", result="done"))
    step = next_step(knowledge, state)
    assert (step.kind, step.id) == ("confirm", "resume_line")
    state = answer(knowledge, state, Answer("confirm", "resume_line", result="no"))
    assert next_step(knowledge, state).id == "reboot_device"


def test_what_only_a_person_can_remove_is_looked_for_before_fixes_that_would_be_in_vain(knowledge: Knowledge) -> None:
    told = {"get_line.status": "active", "get_line.roaming": "on", "get_data_usage": "left"}
    bar = {"airplane": "on", "signal": "none", "network": "none", "data": "off", "saver": "on", "vpn": "off"}
    state = start(knowledge, "mobile_data_unavailable",
                  told | {f"check_status_bar.{name}": shown for name, shown in bar.items()})  # fmt: skip
    step = next_step(knowledge, state)
    assert (step.kind, step.id) == ("check", "check_sim_status")


def test_a_switch_is_looked_at_before_it_is_turned(knowledge: Knowledge) -> None:
    """Asked to turn a switch that was right, people may turn it wrong."""
    dice = random.Random(3)
    switches = {"toggle_airplane_mode", "toggle_data", "toggle_roaming", "toggle_data_saver_mode",
                "toggle_wifi_calling"}  # fmt: skip
    for _ in range(40):
        symptom = dice.choice(list(FAULTS))
        phone = broken_phone(symptom, dice.randint(1, 9), dice)
        for step, _ in led(knowledge, symptom, phone, 0.0, dice):
            if step.kind == "fix" and step.id in switches:
                assert step.why.percent is not None
                assert step.why.percent >= 80, (symptom, step.id)


def test_nobody_is_asked_whether_a_repair_of_the_system_helped_while_something_else_is_wrong(
    knowledge: Knowledge,
) -> None:
    told = {"get_line.status": "active", "get_line.roaming": "on", "get_data_usage": "used_up"}
    told |= {"check_sim_status": "active", "check_status_bar.data": "off"}
    state = start(knowledge, "mobile_data_unavailable", told)
    state = answer(knowledge, state, Answer("confirm", "refuel_data", result="yes"))
    state["queue"] = ["refuel_data"]
    step = next_step(knowledge, state)
    assert (step.kind, step.id, step.retest) == ("fix", "refuel_data", False)
    state = answer(knowledge, state, Answer("fix", step.node, result="done"))
    step = next_step(knowledge, state)
    assert (step.id, step.retest) == ("toggle_data", True)


def test_steps_are_bounded(knowledge: Knowledge) -> None:
    state = start(knowledge, "mms_fails")
    for _ in range(100):
        step = next_step(knowledge, state)
        if step.kind == "handoff":
            break
        match step.kind:
            case "confirm":
                given = Answer("confirm", step.node, result="yes")
            case "fix":
                given = Answer("fix", step.node, result="still" if step.retest else "done")
            case _:
                given = Answer("check", step.node, result="unsure")
        state = answer(knowledge, state, given)
    assert step.reason == "diagnosis_exhausted"
    assert state["steps"] <= MAX_STEPS


def test_wrong_answers_are_refused(knowledge: Knowledge) -> None:
    state = start(knowledge, "no_service")
    with pytest.raises(StateError, match="no symptom"):
        start(knowledge, "sadness")
    for given, says in (
        (Answer("check", "check_mood", result="unsure"), "no check"),
        (Answer("check", "check_sim_status", outcomes={"colour": "red"}), "no facet"),
        (Answer("check", "check_sim_status", outcomes={"": "melted"}), "melted"),
        (Answer("check", "check_sim_status", result="perhaps"), "unsure"),
        (Answer("fix", "pray", result="done"), "no fix"),
        (Answer("fix", "reboot_device", result="maybe"), "solved, still"),
        (Answer("confirm", "set_roaming", result="maybe"), "yes, no"),
    ):
        with pytest.raises(StateError, match=says):
            answer(knowledge, state, given)
    with pytest.raises(StateError, match="version"):
        next_step(knowledge, {**state, "graph": "another"})


def test_system_facts_become_outcomes(knowledge: Knowledge) -> None:
    line = knowledge.graph.checks["get_line"]
    facts = {"status": "suspended", "contract_ended": True, "roaming": False, "in_service": True}
    assert outcomes_of_facts(line, facts) == {"get_line.status": "contract_ended", "get_line.roaming": "off"}
    assert outcomes_of_facts(line, {"status": "active"}) == {"get_line.status": "active"}
    assert outcomes_of_facts(knowledge.graph.checks["get_data_usage"], {"used_up": True}) == {
        "get_data_usage": "used_up"
    }


def test_explanations_speak_to_both(knowledge: Knowledge) -> None:
    graph = knowledge.graph
    for symptom in graph.symptoms:
        step = next_step(knowledge, start(knowledge, symptom))
        customer, agent = for_customer(graph, step.why), for_agent(graph, step)
        assert customer.zh
        assert customer.en
        assert "%" not in customer.en
        assert "%" in agent.zh
        assert "{" not in customer.zh + agent.en


def test_a_tree_of_300_faults_is_led_to_its_end() -> None:
    large = Knowledge(load_texts({"s.yaml": synthetic(1, 300)}))
    state = start(large, "t0", {"c_t0f7": "bad"})
    step = next_step(large, state)
    assert step.node == "x_t0f7"
    state = answer(large, state, Answer("fix", step.node, result="still"))
    assert next_step(large, state).kind in ("check", "fix")


def test_the_benchmark_counts_as_the_engine_does(knowledge: Knowledge) -> None:
    phone = broken_phone("mms_fails", 4, random.Random(3))
    twin = broken_phone("mms_fails", 4, random.Random(3))
    result = by_engine(knowledge, "mms_fails", phone, 0.0, random.Random(3))
    trail = led(knowledge, "mms_fails", twin, 0.0, random.Random(3))
    assert result.ok
    assert result.steps == trail[-1][1]["steps"]
