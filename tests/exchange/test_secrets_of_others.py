"""What one caller shows or asks never brings him what belongs to another, and never becomes anybody's query."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from exchange.conftest import Log, Scripted
from providers.vendor_server import Reply
from serving import home_with, served

from handlers.app import Morello
from handlers.engine.configuration import load_configuration
from handlers.engine.request_log import RequestLog
from handlers.security import Access, Keys

ROOT = Path(__file__).parents[2]
MINE, YOURS, OURS = "key-of-the-laptop-1234", "key-of-the-phone-5678", "sk-key-of-the-provider"
HOME = """
providers:
  o: {{type: openai, base_url: "{url}", key: "${{PROVIDER_KEY}}", models: {{m: {{}}}}}}
keys: {{laptop: "${{LAPTOP}}", phone: "${{PHONE}}"}}
"""
CHAT = {"model": "o:m", "messages": [{"role": "user", "content": "hi"}]}
DATABASES = ("sqlite3", "dbm", "sqlalchemy", "psycopg", "asyncpg", "pymysql", "aiosqlite", "redis", "pymongo", "peewee")


class World:
    def __init__(self, provider: Scripted, client: httpx.Client, log: Log) -> None:
        self.provider, self.client, self.log = provider, client, log


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    provider, log = Scripted(), Log()
    with served(provider) as url:
        home = home_with(tmp_path_factory.mktemp("others"), HOME.format(url=url))
        configuration = load_configuration(home, {"PROVIDER_KEY": OURS, "LAPTOP": MINE, "PHONE": YOURS})
        app = Morello(configuration, Access(Keys(configuration.keys)), log=RequestLog(log.write))
        with served(app.asgi) as address, httpx.Client(base_url=address, trust_env=False) as client:
            yield World(provider, client, log)


def asked(world: World, key: str, *, reply: Any = None, **more: Any) -> httpx.Response:
    if reply is not None:
        world.provider.next_replies = [reply]
    return world.client.post("/v1/chat/completions", json={**CHAT, **more}, headers={"authorization": f"Bearer {key}"})


def test_nothing_tells_a_caller_of_another_s_key_defect_188(world: World) -> None:
    """Not the lists, not the documentation, not an error, not even the words of a provider who has got hold of it."""
    told = f"{YOURS} may not, {OURS} may"
    echo = Reply(400, {"error": {"message": told, "type": "invalid_request_error"}})
    answers = [
        asked(world, MINE, reply=echo), asked(world, MINE, model="o:none"), asked(world, MINE, messages=7),
        asked(world, MINE, reply=Reply(200, {"error": {"message": told}})),
        *(world.client.get(path, headers={"authorization": f"Bearer {MINE}"}) for path in ("/v1/models", "/health", "/api-docs.json")),
    ]  # fmt: skip
    for answer in answers:
        for secret in (YOURS, OURS):
            assert secret not in answer.text + str(answer.headers), answer.url
    for answer in answers[:4]:
        line = world.log.line(answer.headers["request-id"])
        assert YOURS not in line and OURS not in line and MINE not in line
        assert " laptop " in line, "a caller is known by name"


@pytest.mark.parametrize("key", [
    hashlib.sha256(YOURS.encode()).hexdigest(), hashlib.md5(YOURS.encode()).hexdigest(), "phone", YOURS[:-1], YOURS.upper(), f"{YOURS} ",
])  # fmt: skip
def test_only_the_key_itself_opens_defect_188(world: World, key: str) -> None:
    """Neither a digest of it, nor its name, nor nearly it."""
    headers = {"x-api-key": key.strip() if key.strip() != YOURS else f"{YOURS}x"}
    assert world.client.get("/v1/models", headers=headers).status_code == 401
    assert world.client.get("/v1/models", headers={"x-api-key": YOURS}).status_code == 200


@pytest.mark.parametrize("text", ["' OR '1'='1", "x'; DROP TABLE keys; --", "${LAPTOP}", "{{ key }}", "%27%20OR%201=1", "../../key"])
def test_what_a_caller_shows_is_compared_and_nothing_else_defect_185(world: World, text: str) -> None:
    """As a key it is a 401 that does not repeat it; as a model's name, a 404. Nobody runs it."""
    answer = asked(world, text)
    assert answer.status_code == 401
    assert text not in answer.text
    assert text not in world.log.line(answer.headers["request-id"])
    assert asked(world, MINE, model=f"o:{text}").status_code == 404
    assert asked(world, MINE, reply=Reply(200, {"id": "1", "choices": [{"index": 0, "message": {"content": "hi"}}]})).status_code == 200


def test_there_is_no_database_to_ask_defect_185() -> None:
    """No module imports one, and none is among the packages."""
    text = "\n".join(path.read_text("utf-8") for path in (ROOT / "handlers").rglob("*.py"))
    imported = set(re.findall(r"^\s*(?:from|import) ([a-z0-9_]+)", text, re.MULTILINE))
    assert {"asyncio", "orjson"} <= imported
    assert not imported & set(DATABASES)
    project = (ROOT / "pyproject.toml").read_text("utf-8").lower()
    assert [name for name in DATABASES if name in project] == []
