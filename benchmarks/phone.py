"""A phone, its line and its owner, as the support manual of a mobile operator describes them.

It knows nothing of the knowledge graph: it holds the true state, shows it when a function of the phone is called by its
public name, and changes it when a fix is carried out. Benchmarks and tests let the diagnosis work on it.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

SERVICE = ("airplane", "sim_missing", "sim_locked", "apn", "unpaid", "contract_ended", "suspended")
DATA = ("data_off", "phone_roaming", "line_roaming", "used_up", "saver", "vpn", "old_mode")
MMS = ("mmsc", "wifi_calling", "storage", "sms")
ONLY_A_PERSON = frozenset({"sim_locked", "contract_ended"})
FAULTS = {
    "no_service": SERVICE,
    "mobile_data_unavailable": SERVICE + DATA,
    "slow_data": ("saver", "vpn", "old_mode"),
    "mms_fails": (*SERVICE, "data_off", "phone_roaming", "line_roaming", "used_up", "old_mode", *MMS),
}
SPEEDS = ("none", "slow", "excellent")


@dataclass
class Phone:
    """True state. Whatever is in `faults` is wrong now."""

    faults: set[str]
    abroad: bool = False
    mode: str = "2g"
    pending: set[str] = field(default_factory=set)
    """What takes effect with the next restart."""

    # -- what the phone can do

    def service(self) -> bool:
        return not self.faults & set(SERVICE)

    def speed(self) -> str:
        roaming = self.abroad and self.faults & {"phone_roaming", "line_roaming"}
        if not self.service() or self.faults & {"data_off", "used_up"} or roaming:
            return "none"
        return "slow" if self.faults & {"saver", "vpn", "old_mode"} else "excellent"

    def mms(self) -> bool:
        old = "old_mode" in self.faults and self.mode == "2g"
        return self.speed() != "none" and not old and not self.faults & set(MMS)

    def suffers(self, symptom: str) -> bool:
        """Whether the owner would complain of it."""
        return {
            "no_service": not self.service(),
            "mobile_data_unavailable": self.speed() != "excellent",
            "slow_data": self.speed() != "excellent",
            "mms_fails": not self.mms(),
        }[symptom]

    # -- what it shows

    def look(self, check: str) -> dict[str, str]:
        """What a check shows, by facet."""
        wrong = self.faults

        def on(name: str, yes: str, no: str) -> str:
            return yes if name in wrong else no

        bar = {
            "airplane": on("airplane", "on", "off"),
            "signal": "bars" if self.service() else "none",
            "network": "none" if not self.service() else self.mode if "old_mode" in wrong else "modern",
            "data": on("data_off", "off", "on"),
        }
        permissions = {"storage": on("storage", "denied", "granted"), "sms": on("sms", "denied", "granted")}
        sim = "missing" if "sim_missing" in wrong else "locked" if "sim_locked" in wrong else "active"
        status = (
            "contract_ended"
            if "contract_ended" in wrong
            else "suspended"
            if wrong & {"unpaid", "suspended"}
            else "active"
        )
        views: dict[str, Callable[[], dict[str, str]]] = {
            "check_status_bar": lambda: {
                **bar,
                "saver": on("saver", "on", "off"),
                "vpn": on("vpn", "connected", "off"),
            },
            "check_network_status": lambda: {**bar, "roaming": on("phone_roaming", "off", "on")},
            "check_network_mode_preference": lambda: {"": self.mode if "old_mode" in wrong else "4g_5g"},
            "check_sim_status": lambda: {"": sim},
            "check_data_restriction_status": lambda: {"": on("saver", "on", "off")},
            "check_apn_settings": lambda: {
                "apn": on("apn", "incorrect", "correct"),
                "mmsc": on("mmsc", "missing", "set"),
            },
            "check_wifi_status": lambda: {"": "fine"},
            "check_wifi_calling_status": lambda: {"": on("wifi_calling", "on", "off")},
            "check_vpn_status": lambda: {"": on("vpn", "connected", "off")},
            "check_installed_apps": lambda: {"": on("vpn", "vpn_app", "none")},
            "check_app_permissions": lambda: permissions,
            "check_app_status": lambda: permissions,
            "run_speed_test": lambda: {"": self.speed()},
            "can_send_mms": lambda: {"": "yes" if self.mms() else "no"},
            "ask_abroad": lambda: {"": "yes" if self.abroad else "no"},
            "get_line": lambda: {"status": status, "roaming": on("line_roaming", "off", "on")},
            "get_bills": lambda: {"": on("unpaid", "overdue", "paid")},
            "get_data_usage": lambda: {"": on("used_up", "used_up", "left")},
        }
        return views[check]()

    # -- what is done to it

    def do(self, fix: str) -> None:
        """Carry out a fix; one that does not apply changes nothing."""
        immediate = {
            "toggle_airplane_mode": {"airplane"},
            "reseat_sim_card": {"sim_missing"},
            "toggle_data": {"data_off"},
            "toggle_roaming": {"phone_roaming"},
            "set_roaming": {"line_roaming"},
            "toggle_data_saver_mode": {"saver"},
            "disconnect_vpn": {"vpn"},
            "set_network_mode_preference": {"old_mode"},
            "toggle_wifi_calling": {"wifi_calling"},
            "grant_app_permission": {"storage", "sms"},
            "refuel_data": {"used_up"},
            "change_plan": {"used_up"},
        }
        if fix in immediate:
            self.faults -= immediate[fix]
        elif fix in ("reset_apn_settings", "set_apn_settings"):
            self.pending |= {"apn", "mmsc"}
        elif fix == "send_payment_request" and "unpaid" in self.faults:
            self.faults = (self.faults - {"unpaid"}) | {"suspended"}
        elif fix == "resume_line" and not self.faults & {"unpaid", "contract_ended"}:
            self.pending |= {"suspended"}
        elif fix == "reboot_device":
            self.faults -= self.pending
            self.pending = set()


def broken_phone(symptom: str, number: int, dice: random.Random) -> Phone:
    """A phone with `number` faults at once (fewer where the symptom has fewer) that shows the symptom."""
    choice = FAULTS[symptom]
    while True:
        faults = set(dice.sample(choice, min(number, len(choice))))
        # A line has one reason to be suspended, a slot one state.
        if len(faults & {"unpaid", "contract_ended", "suspended"}) > 1 or {"sim_missing", "sim_locked"} <= faults:
            if number >= len(choice) - 2:
                faults -= {"suspended", "contract_ended", "sim_locked"}
            else:
                continue
        phone = Phone(faults, abroad=bool(faults & {"phone_roaming", "line_roaming"}), mode=dice.choice(("2g", "3g")))
        if phone.suffers(symptom):
            return phone
