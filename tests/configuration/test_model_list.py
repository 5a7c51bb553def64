"""Providers' own lists of models: in the background, kept, never waited for."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from handlers.engine.configuration import load_configuration
from handlers.engine.dialects import ModelList
from handlers.engine.errors import GatewayError
from handlers.engine.model_list import AGAIN_AFTER, TIME_TO_LIVE, ModelLists, read_models
from handlers.engine.providers import Provider


def asked(**more: Any) -> ModelList:
    return ModelList(**{"path": "/models", "query": {}, "items": "/data", "id": "/id", "name": "/name",
                        "created": "/created", "owned_by": "/owned_by", **more})  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "pointers", "models"),
    [
        ({"data": [{"id": "a", "created": 5, "owned_by": "o"}]}, {}, [("a", "a", 5, "o")]),
        ([{"id": "a", "name": "A"}], {"items": ""}, [("a", "A", None, None)]),
        ({"models": [{"meta": {"key": "a"}}]}, {"items": "/models", "id": "/meta/key"}, [("a", "a", None, None)]),
        ({"data": [{"id": "a", "created": "2025-09-29T00:00:00Z"}]}, {}, [("a", "a", 1759104000, None)]),
        ({"data": [{"id": "a", "created": "yesterday"}, {"id": ""}, {"id": 7}, "x", {"id": "a"}]}, {}, [("a", "a", None, None)]),
        ({"data": [{"id": "a", "created": True, "name": 3}]}, {}, [("a", "a", None, None)]),
        ({"data": []}, {}, []),
        (["a", "b", 7, ""], {"items": "", "id": ""}, [("a", "a", None, None), ("b", "b", None, None)]),
        ({"data": {"a": {"name": "A"}, "b": None}}, {"id": ""}, [("a", "A", None, None), ("b", "b", None, None)]),
    ],
)
def test_an_answer_is_read_by_pointers(answer, pointers, models) -> None:
    """Strange elements are left out; nothing a provider says makes it fail."""
    found = read_models(answer, asked(**pointers))
    assert [(model.id, model.name, model.created, model.owned_by) for model in found] == models


@pytest.mark.parametrize("answer", [{}, [], None, "html", {"data": {}}, {"data": None}])
def test_an_answer_without_a_list_is_none(answer) -> None:
    with pytest.raises(ValueError, match="no list"):
        read_models(answer, asked())


@pytest.fixture
def provider(tmp_path: Path) -> Provider:
    (tmp_path / "providers.yaml").write_text(
        "providers:\n  p: {type: openai, base_url: 'http://localhost:1/v1', models: {b: {name: Bee}, '*': {}}}\n"
    )
    return load_configuration(tmp_path, {}).providers["p"]


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_the_list_is_never_waited_for_and_asked_once_in_a_while_defect_180_defect_182(provider: Provider) -> None:
    """Reading answers at once with what is known; the provider is asked in the background, at most once in 300 s."""

    async def scenario() -> None:
        calls, clock, gate = [], Clock(), asyncio.Event()

        async def fetch(asked_provider: Provider) -> Any:
            calls.append(asked_provider.id)
            await gate.wait()
            return {"data": [{"id": "a"}, {"id": "b", "name": "other"}]}

        lists = ModelLists(fetch, clock=clock)
        assert [model.id for model in lists.models(provider)] == ["b"]
        lists.models(provider)
        gate.set()
        task = lists.ask(provider)
        assert task is not None
        await task
        assert [(model.id, model.name) for model in lists.models(provider)] == [("b", "Bee"), ("a", "a")]
        assert (calls, lists.version) == (["p"], 1)
        clock.now += TIME_TO_LIVE - 1
        lists.models(provider)
        assert calls == ["p"]
        clock.now += 2
        lists.models(provider)
        again = lists.ask(provider)
        assert again is not None
        await again
        assert (calls, lists.version) == (["p", "p"], 1)

    asyncio.run(scenario())


def test_a_provider_that_fails_keeps_what_was_known_and_is_asked_again_later(provider: Provider) -> None:
    async def scenario() -> None:
        clock, answers = Clock(), [{"data": [{"id": "a"}]}]

        async def fetch(_: Provider) -> Any:
            return answers.pop()

        lists = ModelLists(fetch, clock=clock)
        for moment in (0.0, TIME_TO_LIVE + 1):
            clock.now += moment
            task = lists.ask(provider)
            assert task is not None
            await task
        assert [model.id for model in lists.models(provider)] == ["b", "a"]
        clock.now += AGAIN_AFTER / 2
        lists.models(provider)
        await lists.close()
        assert answers == []

    asyncio.run(scenario())


@pytest.mark.parametrize(("error", "level", "words"), [
    (GatewayError("upstream", "It refused\n the key sk-secret."), "INFO", "p gives no list of models: It refused the key [secret]."),
    (ValueError("There is no list."), "INFO", "p gives no list of models: There is no list."),
    (KeyError("sk-secret"), "WARNING", "p gives no list of models: KeyError: '[secret]'"),
])  # fmt: skip
def test_why_there_is_no_list_is_told_without_secrets(
    provider: Provider, caplog: pytest.LogCaptureFixture, error: Exception, level: str, words: str
) -> None:
    """What a provider does wrong is a remark; what nobody thought of is a warning; both say the reason."""

    async def scenario() -> None:
        async def fetch(_: Provider) -> Any:
            raise error

        task = ModelLists(fetch, secrets=["sk-secret"]).ask(provider)
        assert task is not None
        await task

    caplog.set_level("INFO", logger="morello")
    asyncio.run(scenario())
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [(level, words)]


def test_without_an_event_loop_the_declared_models_are_listed(provider: Provider) -> None:
    async def never(_: Provider) -> Any:
        raise AssertionError

    assert [model.id for model in ModelLists(never).models(provider)] == ["b"]
