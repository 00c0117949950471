"""What a phone's own pages print for each look at it, for customers who copy instead of describing."""

from __future__ import annotations

import random
from collections.abc import Callable

Seen = dict[str, str]

_BARS = ("📶² Fair", "📶³ Good", "📶⁴ Excellent")
_SPEED = {"slow": (0.3, 95.0), "excellent": (110.0, 420.0)}


def printed(name: str, seen: Seen, dice: random.Random) -> str:
    """The page of a look at the phone; `seen` by facet as `Phone.look` answers it.

    Raises:
        KeyError: The phone has no such page.
    """
    return PAGES[name](seen, dice)


def _status_bar(seen: Seen, dice: random.Random) -> str:
    network = {"2g": "2G", "3g": "3G", "modern": dice.choice(["4G", "5G"])}.get(seen["network"], "")
    shown = [
        "✈️ Airplane Mode" if seen["airplane"] == "on" else "",
        "📵 No Signal" if seen["signal"] == "none" else dice.choice(_BARS),
        network,
        "📱 Data Enabled" if seen["data"] == "on" else "📵 Data Disabled",
        "🔽 Data Saver" if seen.get("saver") == "on" else "",
        "🔒 VPN Connected" if seen.get("vpn") == "connected" else "",
        f"🔋 {dice.randint(10, 99)}%",
    ]
    return "Status Bar: " + " | ".join(part for part in shown if part)


def _network(seen: Seen, dice: random.Random) -> str:
    good = seen["signal"] == "bars"
    network = {"modern": "5G", "none": "none"}.get(seen["network"], seen["network"].upper())
    lines = [
        f"Airplane Mode: {'ON' if seen['airplane'] == 'on' else 'OFF'}",
        f"Cellular Connection: {'connected' if good else 'no service'}",
        f"Cellular Signal: {dice.choice(['fair', 'good', 'excellent']) if good else 'none'}",
        f"Cellular Network Type: {network}",
        f"Mobile Data Enabled: {'Yes' if seen['data'] == 'on' else 'No'}",
        f"Data Roaming Enabled: {'Yes' if seen['roaming'] == 'on' else 'No'}",
        "Wi-Fi Radio: OFF",
    ]
    return "\n".join(lines)


def _speed(seen: Seen, dice: random.Random) -> str:
    if seen[""] == "none":
        return dice.choice(["Speed test failed: no connection.", "Speed Test: No Connection"])
    value = dice.uniform(*_SPEED[seen[""]])
    words = ((1, "Very Poor"), (5, "Poor"), (25, "Fair"), (100, "Good"))
    word = next((word for limit, word in words if value < limit), "Excellent")
    return f"Speed test: {value:.1f} Mbps ({word})"


def _permissions(seen: Seen, dice: random.Random) -> str:
    granted = [name for name in ("storage", "sms") if seen[name] == "granted"]
    if dice.random() < 0.5:
        lines = [f"{name}: {'granted' if name in granted else 'denied'}" for name in ("storage", "sms")]
        return "Messages - " + ", ".join(lines)
    return f"App 'messaging' has these permissions: {', '.join(['phone', *granted])}"


def _one(lines: dict[str, str]) -> Callable[[Seen, random.Random], str]:
    return lambda seen, _dice: lines[seen[""]]


PAGES: dict[str, Callable[[Seen, random.Random], str]] = {
    "check_status_bar": _status_bar,
    "check_network_status": _network,
    "check_network_mode_preference": _one({
        "2g": "Network Mode Preference: 2g_only", "3g": "Network Mode Preference: 3g_only",
        "4g_5g": "Network Mode Preference: 4g_5g_preferred",
    }),
    "check_sim_status": _one({
        "active": "SIM Card Status: active", "missing": "SIM Card Status: missing",
        "locked": "SIM Card Status: locked (PUK)",
    }),
    "check_data_restriction_status": _one({
        "on": "Data Saver mode is ON. Background data is restricted.",
        "off": "Data Saver mode is OFF. Background data is not restricted.",
    }),
    "check_apn_settings": lambda seen, _dice: (
        f"APN Name: {'Incorrect' if seen['apn'] == 'incorrect' else 'qinghe (correct)'}\n"
        f"MMSC URL: {'Not set' if seen['mmsc'] == 'missing' else 'http://mms.qinghe.example/mmsc'}"
    ),
    "check_wifi_status": _one({"fine": "Wi-Fi radio is OFF."}),
    "check_wifi_calling_status": _one({"on": "Wi-Fi Calling is ON", "off": "Wi-Fi Calling is OFF"}),
    "check_vpn_status": _one({
        "connected": "VPN is ON and connected. Server performance: Poor", "off": "VPN is OFF",
    }),
    "check_app_permissions": _permissions,
    "check_app_status": _permissions,
    "run_speed_test": _speed,
    "can_send_mms": _one({
        "yes": "Your messaging app can send MMS messages.", "no": "Your messaging app cannot send MMS messages.",
    }),
}  # fmt: skip
