"""How cost grows: with the size of a body, its messages, its tools, the length of a stream; and with what is configured.

It should grow linearly with the first four, and not at all with the number of providers and models.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from measures import Row, Tell, median_of, once
from scenarios import Scenario
from targets import PROVIDERS, Server, Target, morello

MANY_PROVIDERS, MANY_MODELS = 300, 10_000
KB = 1 << 10
STEPS = {
    "KB in one image": (2, 8, 32, 128, 512, 2048, 4096),
    "KB in many messages": (1, 8, 32, 128, 512, 2048, 4096),
    "tools": (1, 10, 50, 200, 800),
    "events of a stream": (10, 100, 1000, 5000),
    "KB of an answer": (1, 10, 100, 1000),
}


def scenario_of(what: str, amount: int, provider: str) -> Scenario:
    plain = Scenario("openai", provider, callers=8)
    match what:
        case "KB in one image" | "KB in many messages":
            filled = "image" if "image" in what else "messages"
            return replace(plain, size=amount * KB, filled=filled, callers=2 if amount >= 2048 else 8)
        case "tools":
            return replace(plain, tools=True, model="bench-tools", tool_count=amount)
        case "events of a stream":
            return replace(plain, stream=True, model=f"bench-e{amount}")
        case _:
            return replace(plain, model=f"bench-k{amount}")


def growth(servers: Sequence[Server], seconds: float, rounds: int, tell: Tell) -> list[Row]:
    """CPU µs at each step, passed through and translated."""
    rows = []
    for what, amounts in STEPS.items():
        for provider in ("openai", "anthropic"):
            for amount in amounts:
                scenario = scenario_of(what, amount, provider)
                for server in servers:
                    if not server.target.able(scenario) or (server.name != "morello" and provider == "anthropic"):
                        continue
                    once(server, scenario, 0.1)
                    taken = [once(server, scenario, seconds)[0] for _ in range(rounds)]
                    row = {"what": what, "how": "pass-through" if provider == "openai" else "translated", "amount": amount,
                           "target": server.name, **median_of(taken)}  # fmt: skip
                    rows.append(row)
                    tell(row)
    return rows


def crowded() -> Target:
    """The gateway with hundreds of providers and thousands of models."""
    lines = [PROVIDERS]
    for number in range(MANY_PROVIDERS):
        models = ", ".join(f"model-{one}: {{{{}}}}" for one in range(MANY_MODELS // MANY_PROVIDERS + 1))
        lines.append(f'  p{number}: {{{{type: openai, base_url: "http://127.0.0.1:{{port}}/v1", key: k, models: {{{{{models}}}}}}}}}')
    return morello(providers="\n".join(lines), name=f"morello, {MANY_PROVIDERS} providers")
