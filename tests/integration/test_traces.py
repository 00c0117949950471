"""A turn of the running product is one trace through gateway, model service and actions, and says nothing personal."""

import asyncio

from tests.support.clients import Customer
from tests.support.collector import Collector
from tests.support.product import Product

DEADLINE_S = 30.0
SAID = "how do I reset the password of 199 0000 0101"
ABOVE = {
    "parse": "turn",
    "models /parse": "parse",
    "rasa": "turn",
    "action answer": "rasa",
    "models /search": "action answer",
}
"""Each span and the one above it."""


async def test_a_turn_is_one_trace_through_every_process(product: Product, collector: Collector) -> None:
    async with Customer(product.url) as customer:
        await customer.hello("en")
        (answer,) = await customer.say(SAID)
        assert answer["citations"]
        conversation = customer.conversation
    spans = await asyncio.to_thread(
        collector.trace_of, {"turn", *ABOVE}, deadline_s=DEADLINE_S, conversation=conversation
    )
    assert len({one.trace for one in spans}) == 1
    by_name = {one.name: one for one in spans}
    assert {name: by_name[above].id for name, above in ABOVE.items()} == {name: by_name[name].parent for name in ABOVE}
    assert {one.service for one in spans} == {"kefu-gateway", "kefu-models", "kefu-actions"}
    assert by_name["turn"].attributes == {"conversation": conversation, "turn": 2}
    # Neither what was said nor what was answered, in no span of anybody's.
    for one in collector.spans:
        assert not any(part in one.text for part in ("199 0000", "0000 0101", "19900000101"))
        assert "password" not in one.text
