"""A gateway with one scripted provider of each family behind it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest
from providers.vendor_server import Reply, VendorServer
from serving import KEY, gateway, served

PROVIDERS = """
aliases:
  claude-but-not-really: o:gpt-5
  claude-somewhere-else: [off:x]
dialects:
  narrow:
    like: anthropic
    forward_request_headers: [anthropic-version]
providers:
  o:
    type: openai
    base_url: {url}/o
    key: sk-secret-of-o
    models: any
  patched:
    type: openai
    base_url: {url}/patched
    key: sk-secret-of-patched
    models: {{"*": {{}}, tuned: {{defaults: {{temperature: 0.5}}}}}}
    patch:
      - {{move: /max_completion_tokens, to: /max_tokens}}
      - {{remove: /user}}
      - {{set: /options/num_ctx, value: 8192}}
  a:
    type: anthropic
    base_url: {url}/a
    key: sk-secret-of-a
    models: any
  strict-a:
    type: anthropic
    base_url: {url}/a
    key: sk-secret-of-a
    models: any
    on_loss: refuse
  thinker:
    type: openai
    base_url: {url}/o
    models: any
    thought_tags: ["<think>", "</think>"]
  thinker-a:
    type: anthropic
    base_url: {url}/a
    models: any
    thought_tags: ["<think>", "</think>"]
  narrow:
    type: narrow
    base_url: {url}/a
    key: sk-secret-of-narrow
    models: any
    patch:
      - {{remove: /anthropic_beta}}
  mends-o:
    type: openai
    base_url: {url}/o
    models: any
    broken_images: replace
  mends-a:
    type: anthropic
    base_url: {url}/a
    models: any
    broken_images: replace
  versioned:
    type: openai
    base_url: {url}/o
    key: sk-secret-of-versioned
    query: {{api-version: v1}}
    models: any
  off:
    type: openai
    base_url: {url}
    key: ${{NOT_SET_ANYWHERE}}
"""


class Scripted(VendorServer):
    """Answers what it was told to, and nothing else."""

    unheard = frozenset({"GET"})

    def reply(self, request: object) -> Reply:
        raise AssertionError(f"nothing was scripted for {request}")


@dataclass
class Bench:
    """`post` calls the gateway with the tester's key; `provider` is what stands behind it."""

    provider: Scripted
    client: httpx.Client

    def post(self, path: str, body: object, reply: Reply, **headers: str) -> httpx.Response:
        self.provider.next_replies = [reply]
        content = body if isinstance(body, bytes) else None
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if content is not None:
            named.setdefault("content-type", "application/json")
        return self.client.post(path, json=None if content is not None else body, content=content, headers=named)


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    provider = Scripted()
    with (
        served(provider) as upstream,
        gateway(tmp_path_factory.mktemp("exchange"), PROVIDERS.format(url=upstream), ping_after=0.4) as url,
        httpx.Client(base_url=url, headers={"authorization": f"Bearer {KEY}"}, trust_env=False) as client,
    ):
        yield Bench(provider, client)
