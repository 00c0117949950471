"""From publishing a help article to the first customer who is answered with it, in the running product.

    uv run python -m benchmarks.articles [--repeat 5]

Prints how long the publish took (its answer comes once pages, search and the bot have it) and that a new customer's next
question was answered with the new text.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time

from benchmarks._rows import own_product
from tests.support.clients import Customer, log_in
from tests.support.product import Product

ARTICLE = "esim-setup"
QUESTION = "how do I set up an eSIM on my phone"


async def measure(product: Product, repeat: int) -> None:
    """Publish again and again, and ask each time."""
    times = []
    async with log_in(product.url, "admin", product.passwords["admin"]) as admin:
        for number in range(repeat):
            article = (await admin.get(f"/api/library/articles/{ARTICLE}")).json()
            content = article["published"]
            content["texts"]["en"]["markdown"] = f"## The steps\nNumber {number} is printed on the frame of the card.\n"
            draft = {"revision": 0, "base": article["version"], "content": content}
            made = (await admin.put(f"/api/library/articles/{ARTICLE}/draft", json=draft)).json()["draft"]
            chosen = [{"id": ARTICLE, "revision": made["revision"]}]
            began = time.perf_counter()
            answer = await admin.post("/api/library/publish", json={"drafts": chosen, "message": "benchmark"})
            times.append(time.perf_counter() - began)
            assert answer.status_code == 200, answer.text
            async with Customer(product.url) as customer:
                await customer.hello("en")
                said = await customer.say(QUESTION)
                assert any(f"Number {number} is printed" in one["text"] for one in said), said
    print(
        f"publish until customers are answered with it: median {statistics.median(times):.2f} s, longest {max(times):.2f} s (asked <= 2 s)"
    )


def main() -> None:
    """Run it on a product of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    with own_product() as product:
        asyncio.run(measure(product, options.repeat))


if __name__ == "__main__":
    main()
