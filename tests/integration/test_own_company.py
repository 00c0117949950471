"""An operator makes a company of their own and starts it."""

import asyncio
import subprocess
import sys

from tests.support.clients import Customer
from tests.support.product import ROOT, Product


async def test_an_empty_company_runs(tmp_path):
    folder = tmp_path / "acme"
    await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "server.cli", "init", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    product = Product(tmp_path / "data", company=folder)
    await asyncio.to_thread(product.start)
    try:
        for locale, question in (("en", "what are your opening hours?"), ("zh", "你们几点开门？")):
            async with Customer(product.url) as customer:
                await customer.hello(locale)
                answer = await customer.say(question)
                assert [one["role"] for one in answer] == ["bot"]
                assert not answer[0].get("choices"), "it was not understood"
        async with Customer(product.url) as customer:
            await customer.hello("en")
            await customer.say("let me talk to a human")
            assert (await customer.wait("mode", mode="waiting"))["reason"] == "customer_asked"
        assert "accounts" not in product.pids()
    finally:
        product.stop()
