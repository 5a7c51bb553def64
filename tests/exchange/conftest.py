"""A gateway with one scripted provider of each family behind it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest
from providers.vendor_server import Reply, VendorServer
from serving import KEY, gateway, served

from handlers.engine.request_log import RequestLog

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
  closed:
    type: openai
    base_url: http://127.0.0.1:9
    models: any
    services: {{embeddings: {{path: /embeddings}}}}
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


class Log:
    """The gateway's lines, one for each request, as they would reach stderr."""

    def __init__(self) -> None:
        self.text = ""
        self.more = threading.Condition()

    def write(self, text: str) -> None:
        with self.more:
            self.text += text
            self.more.notify_all()

    def line(self, request_id: str) -> str:
        """The line of one request, which comes soon after its answer."""
        with self.more:
            assert self.more.wait_for(lambda: f" {request_id} " in self.text, timeout=20)
            return next(line for line in self.text.splitlines() if f" {request_id} " in line)


@dataclass
class Bench:
    """`post` calls the gateway with the tester's key; `provider` is what stands behind it; `log` has its lines."""

    provider: Scripted
    client: httpx.Client
    log: Log

    def line(self, answer: httpx.Response) -> str:
        """What the log says of the request that had this answer."""
        return self.log.line(answer.headers["request-id"])

    def post(self, path: str, body: object, reply: Reply, **headers: str) -> httpx.Response:
        self.provider.next_replies = [reply]
        content = body if isinstance(body, bytes) else None
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if content is not None:
            named.setdefault("content-type", "application/json")
        return self.client.post(path, json=None if content is not None else body, content=content, headers=named)


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    provider, log = Scripted(), Log()
    with (
        served(provider) as upstream,
        gateway(
            tmp_path_factory.mktemp("exchange"), PROVIDERS.format(url=upstream), ping_after=0.4,
            log=RequestLog(log.write),
        ) as url,
        httpx.Client(base_url=url, headers={"authorization": f"Bearer {KEY}"}, trust_env=False) as client,
    ):
        yield Bench(provider, client, log)
