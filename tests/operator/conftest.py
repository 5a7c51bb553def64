"""The operator's homes, copied and pointed (by .env) at servers that speak their formats; both packages as clients."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest
from providers import gazette_server, loom_server, quarry_server, tidepool_server
from serving import KEY, morello_of, served

HOMES = Path(__file__).parent / "homes"


@dataclass
class World:
    """Both clients, the gateway of a home, and the server behind it."""

    openai: openai.OpenAI
    anthropic: anthropic.Anthropic
    server: Any
    url: str
    home: Path


def world_of(home: Path, server: Any, variables: str) -> Iterator[World]:
    with served(server) as address:
        (home / ".env").write_text(variables.format(url=address), "utf-8")
        with served(morello_of(home).asgi) as url:
            yield World(
                openai.OpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=0),
                anthropic.Anthropic(base_url=url, api_key=KEY, max_retries=0),
                server, url, home,
            )  # fmt: skip


@pytest.fixture(scope="session")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    home = shutil.copytree(HOMES / "tidepool", tmp_path_factory.mktemp("pool") / "home")
    server = tidepool_server.TidepoolServer()
    yield from world_of(home, server, f"POOL_URL={{url}}\nPOOL_KEY={tidepool_server.KEY}\n")


@pytest.fixture(scope="session")
def press(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    home = shutil.copytree(HOMES / "gazette", tmp_path_factory.mktemp("press") / "home")
    server = gazette_server.GazetteServer()
    yield from world_of(home, server, f"PRESS_URL={{url}}\nPRESS_KEY={gazette_server.KEY}\n")


@pytest.fixture(scope="session")
def rock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    home = shutil.copytree(HOMES / "quarry", tmp_path_factory.mktemp("rock") / "home")
    yield from world_of(home, quarry_server.QuarryServer(), f"ROCK_URL={{url}}\nROCK_KEY={quarry_server.KEY}\n")


@pytest.fixture(scope="session")
def mill(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    home = shutil.copytree(HOMES / "loom", tmp_path_factory.mktemp("mill") / "home")
    yield from world_of(home, loom_server.LoomServer(), f"MILL_URL={{url}}\nMILL_KEY={loom_server.KEY}\n")


@pytest.fixture(params=[False, True], ids=["in lines", "byte by byte"])
def cut(request: pytest.FixtureRequest) -> bool:
    """Whether the provider's streams come byte by byte."""
    cut: bool = request.param
    return cut
