"""A gateway with providers that declare services, and one that declares none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest
from providers.service_server import ServiceServer
from providers.vendor_server import Reply
from serving import KEY, gateway, served

PROVIDERS = """
dialects:
  with-services:
    like: openai
    services:
      embeddings: {{path: /embeddings}}
      images: {{path: /images/generations}}
      speech: {{path: /audio/speech}}
      transcriptions: {{path: /audio/transcriptions}}
      moderations: {{path: /moderations}}
      rerank: {{path: "/models/{{{{ model }}}}/rerank", query: {{api-version: v2}}}}
providers:
  all:
    type: with-services
    base_url: {url}/v1
    key: sk-secret-of-all
    models: any
  some:
    type: with-services
    base_url: {url}/some
    key: sk-secret-of-some
    models: {{m: {{}}}}
    services: {{rerank: null, speech: {{path: /speak, base_url: "{url}/elsewhere"}}}}
  none:
    type: openai
    base_url: {url}/none
    key: sk-secret-of-none
    models: any
    services: {{embeddings: null}}
  dead:
    type: with-services
    base_url: http://127.0.0.1:9
    models: any
aliases:
  my-embedder: all:text-embedding-3-small
"""


@dataclass
class Bench:
    """`client` calls the gateway with the tester's key; `provider` is what stands behind it; `url` is the gateway's."""

    provider: ServiceServer
    client: httpx.Client
    url: str

    def post(self, path: str, body: object, reply: Reply, **headers: str) -> httpx.Response:
        """Send JSON (or bytes that are JSON) and have it answered with `reply`."""
        self.provider.next_replies = [reply]
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if isinstance(body, bytes):
            return self.client.post(path, content=body, headers={"content-type": "application/json", **named})
        return self.client.post(path, json=body, headers=named)


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    provider = ServiceServer()
    with (
        served(provider) as upstream,
        gateway(tmp_path_factory.mktemp("services"), PROVIDERS.format(url=upstream)) as url,
        httpx.Client(base_url=url, headers={"authorization": f"Bearer {KEY}"}, trust_env=False) as client,
    ):
        yield Bench(provider, client, url)
