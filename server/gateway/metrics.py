"""What Prometheus scrapes from ``/metrics``."""

from prometheus_client import Counter, Gauge, Histogram

TURN_SECONDS = Histogram(
    "kefu_turn_seconds",
    "From the start of a turn to its end, in seconds.",
    buckets=(0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 3, 8),
)
TURN_FAILURES = Counter(
    "kefu_turn_failures_total", "Turns that ended in a hand-over because a service failed.", ["service"]
)
SOCKETS = Gauge("kefu_sockets", "Open sockets.", ["kind"])
REPLIES_HELD_BACK = Counter(
    "kefu_replies_held_back_total", "Replies of the bot that the content lists forbade.", ["kind"]
)
BAD_FRAMES = Counter("kefu_bad_frames_total", "Frames answered with an error.", ["kind", "code"])
VOICE_SESSIONS = Gauge("kefu_voice_sessions", "Microphones that are on.")
SPEECH_OUTCOMES = Counter("kefu_speech_outcomes_total", "What became of what was said.", ["outcome"])
BARGE_INS = Counter("kefu_barge_ins_total", "Replies that a customer interrupted.")
BUS_CONNECTED = Gauge("kefu_redis_connected", "Whether Redis carries live events between gateways.")
BUS_DROPPED = Counter("kefu_live_events_dropped_total", "Live events that did not reach other gateways through Redis.")
GATEWAYS = Gauge("kefu_gateways", "Gateways that this one knows to be alive, itself among them.")
LEADS = Gauge("kefu_dispatches", "Whether this gateway is the one that assigns conversations.")
TURN_STAGE_SECONDS = Histogram(
    "kefu_turn_stage_seconds",
    "Until a stage of a turn has ended (parse, picture, first_message, total); of rasa, its own time.",
    ["stage"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 3, 8),
)
TURNS_OPEN = Gauge("kefu_turns_open", "Conversations in which this gateway runs a turn or has one waiting.")
TURNS_WAITING = Gauge("kefu_turns_waiting", "Turns of this gateway that wait until another one ends.")
MESSAGES_PUT_OFF = Counter("kefu_messages_put_off_total", "Messages that were not taken because too many turns wait.")
TURNS_BY_RELEASE = Counter("kefu_release_turns_total", "Turns by the release that understood them.", ["release"])
HANDOFFS = Counter("kefu_handoffs_total", "Hand-overs to people by reason.", ["reason"])
ESCALATIONS = Gauge("kefu_escalations", "Open escalations by state, told alike by all gateways.", ["state"])
LONGEST_WAIT = Gauge("kefu_longest_wait_seconds", "Since when the longest waiting customer waits, told alike.")
AGENTS = Gauge("kefu_agents", "People at a desk by presence, told alike by all gateways.", ["state"])
SERVICE_FAILURES = Counter("kefu_service_failures_total", "Calls to a service that failed.", ["service", "code"])
SERVICES_RESTING = Gauge("kefu_service_addresses_resting", "Addresses left alone after a failure.", ["service"])
SERVICES = Gauge("kefu_service_addresses", "Addresses of a service.", ["service"])
