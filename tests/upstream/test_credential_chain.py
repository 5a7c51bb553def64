"""Keys that nobody wrote into providers.yaml: found where the vendor's own tools find them, and seen by nobody."""

from __future__ import annotations

import asyncio
import datetime
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from providers.converse_server import ACCESS_KEY, SECRET_KEY, TOKEN, ConverseServer
from providers.vendor_server import Received, Reply, VendorServer
from serving import KEY, gateway, home_with, served

from handlers.engine.configuration import load_configuration, read_configuration
from handlers.engine.credential_chain import Chain, NoCredentialsError, from_environment
from handlers.engine.overview import overview

SECRETS = (SECRET_KEY, TOKEN)
PROVIDERS = """
providers:
  signed:
    type: bedrock
    base_url: {url}
    auth: {{scheme: sigv4, service: bedrock, region: eu-west-1{more}}}
    models: any
"""
IN_ENVIRONMENT = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY, "AWS_SESSION_TOKEN": TOKEN}
QUESTION = {"model": "signed:m", "messages": [{"role": "user", "content": "Hello!"}]}


class Cloud(ConverseServer):
    """Converse, and the list of models beside it."""

    def reply(self, request: Received) -> Reply:
        if request.method == "GET":
            self.check_caller(request)
            assert request.path == "/foundation-models"
            summary = {"modelId": "anthropic.claude-v1:0", "modelName": "Claude", "providerName": "Anthropic"}
            return Reply(200, {"modelSummaries": [summary]})
        return super().reply(request)


@pytest.fixture(autouse=True)
def nothing_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither what whoever runs the tests may use, nor what the machine may."""
    for name in ("AWS_PROFILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI", *IN_ENVIRONMENT):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-config"))


def lines(values: dict[str, str]) -> str:
    return "".join(f"{name}={value}\n" for name, value in values.items())


def credentials_file(folder: Path, profile: str) -> Path:
    path = folder / "credentials"
    path.write_text(f"[{profile}]\n" + lines({name.lower(): value for name, value in IN_ENVIRONMENT.items()}), "utf-8")
    return path


WAYS = {
    "keys in .env": ({}, IN_ENVIRONMENT, ""),
    "the usual profile of a file": ({}, {"AWS_SHARED_CREDENTIALS_FILE": "default"}, ""),
    "a profile that the environment names": ({}, {"AWS_SHARED_CREDENTIALS_FILE": "work", "AWS_PROFILE": "work"}, ""),
    "a profile that the provider names": ({}, {"AWS_SHARED_CREDENTIALS_FILE": "work"}, ", profile: work"),
    "a profile goes before keys": (
        {}, {**IN_ENVIRONMENT, "AWS_ACCESS_KEY_ID": "AKIDWRONG", "AWS_SHARED_CREDENTIALS_FILE": "work"}, ", profile: work"),
    "keys that botocore finds in the environment": (IN_ENVIRONMENT, {}, ""),
}  # fmt: skip


@pytest.mark.parametrize(("real", "written", "more"), WAYS.values(), ids=WAYS)
def test_keys_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
    real: dict[str, str], written: dict[str, str], more: str,
) -> None:  # fmt: skip
    """The provider checks the signature; what it says back, the log and the overview hold neither secret nor token."""
    for name, value in real.items():
        monkeypatch.setenv(name, value)
    home = tmp_path / "home"
    home.mkdir()
    if "AWS_SHARED_CREDENTIALS_FILE" in written:
        profile = written["AWS_SHARED_CREDENTIALS_FILE"]
        written = {**written, "AWS_SHARED_CREDENTIALS_FILE": str(credentials_file(tmp_path, profile))}
    (home / ".env").write_text(lines(written), "utf-8")
    server = Cloud()
    caplog.set_level(logging.INFO)
    with (
        served(server) as url, gateway(home, PROVIDERS.format(url=url, more=more)) as address,
        httpx.Client(base_url=address, headers={"authorization": f"Bearer {KEY}"}, trust_env=False) as client,
    ):  # fmt: skip
        answer = client.post("/v1/chat/completions", json=QUESTION)
        assert answer.status_code == 200, answer.text
        assert answer.json()["choices"][0]["message"]["content"] == "Hello!"
        server.next_replies = [Reply(400, {"message": f"the token {TOKEN} is stale"})]
        refused = client.post("/v1/chat/completions", json=QUESTION)
        assert (refused.status_code, "[secret]" in refused.text) == (400, True)
    shown = refused.text + caplog.text + "\n".join(overview(load_configuration(home, {})))
    assert not any(secret in shown for secret in SECRETS)


def test_the_list_of_models_is_signed_for_too(tmp_path: Path) -> None:
    """Where the provider is reached otherwise than at the vendor's own address, the list is asked for there as well."""
    home = tmp_path / "home"
    home.mkdir()
    (home / ".env").write_text(lines(IN_ENVIRONMENT), "utf-8")
    with served(Cloud()) as url, gateway(home, PROVIDERS.format(url=url, more="")) as address:
        for _ in range(200):
            listed = httpx.get(f"{address}/v1/models", headers={"x-api-key": KEY}, trust_env=False).json()["data"]
            if listed:
                break
        assert [(one["id"], one["name"], one["owned_by"]) for one in listed] == [
            ("signed:anthropic.claude-v1:0", "Claude", "Anthropic")
        ]


def test_where_the_bundled_list_is(tmp_path: Path) -> None:
    configuration = load_configuration(tmp_path, {"AWS_REGION": "eu-west-1"})
    provider = configuration.providers["bedrock-iam"]
    assert provider.off is None
    assert provider.main.models_url() == "https://bedrock.eu-west-1.amazonaws.com/foundation-models?byOutputModality=TEXT"
    assert "looked for when first needed" in "\n".join(overview(configuration))


def test_where_there_are_none_the_caller_is_told(tmp_path: Path) -> None:
    """Nothing is sent, and the next call looks again."""
    server = Cloud()
    home = tmp_path / "home"
    home.mkdir()
    environment = home / ".env"
    path = tmp_path / "later"
    environment.write_text(f"AWS_SHARED_CREDENTIALS_FILE={path}\n", "utf-8")
    with (
        served(server) as url, gateway(home, PROVIDERS.format(url=url, more="")) as address,
        httpx.Client(base_url=address, headers={"x-api-key": KEY}, trust_env=False, timeout=30) as client,
    ):  # fmt: skip
        refused = client.post("/v1/chat/completions", json=QUESTION)
        assert (refused.status_code, refused.json()["error"]["code"]) == (502, "no_credentials")
        assert "no credentials for it were found" in refused.json()["error"]["message"]
        assert not any(request.method == "POST" for request in server.received)
        credentials_file(tmp_path, "default").rename(path)
        assert client.post("/v1/chat/completions", json=QUESTION).status_code == 200


def test_what_goes_wrong_while_looking_is_told_by_its_name_alone(tmp_path: Path) -> None:
    """A profile that is not there, a process that fails: their words may hold anything."""
    chain = Chain("nowhere-to-be-found", {}, lambda _: None)
    with pytest.raises(NoCredentialsError, match=r"could not be had \(ProfileNotFound\)"):
        asyncio.run(ask(chain))
    config = tmp_path / "config"
    config.write_text(f"[default]\ncredential_process = sh -c 'echo {SECRET_KEY} >&2; exit 1'\n", "utf-8")
    with pytest.raises(NoCredentialsError) as caught:
        asyncio.run(ask(Chain(None, {"AWS_CONFIG_FILE": str(config)}, lambda _: None)))
    assert SECRET_KEY not in str(caught.value)


async def ask(chain: Chain) -> Any:
    return await chain()


# ---- keys that end --------------------------------------------------------------------------------------------------


class Container(VendorServer):
    """What a container is given: keys that end, `minutes` from now."""

    def __init__(self) -> None:
        super().__init__()
        self.minutes = 60.0

    def reply(self, request: Received) -> Reply:
        end = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=self.minutes)
        number = len(self.received)
        return Reply(200, {"AccessKeyId": f"AKID{number}", "SecretAccessKey": f"secret-{number}", "Token": f"token-{number}",
                           "Expiration": end.strftime("%Y-%m-%dT%H:%M:%SZ")})  # fmt: skip


@pytest.fixture
def container(monkeypatch: pytest.MonkeyPatch) -> Iterator[Container]:
    server = Container()
    with served(server) as url:
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{url}/keys")
        yield server


def test_many_calls_ask_once(container: Container) -> None:
    """However many need them at the same time; and while the keys are good, nobody is asked again."""
    learnt: list[str] = []

    async def all_at_once() -> None:
        chain = Chain(None, {}, learnt.extend)
        found = await asyncio.gather(*(chain() for _ in range(30)))
        assert {one.access_key for one in found} == {"AKID1"}
        assert (await chain()).token == "token-1"

    asyncio.run(all_at_once())
    assert len(container.received) == 1
    assert learnt == ["AKID1", "secret-1", "token-1"]


def test_keys_are_renewed_before_they_end(container: Container) -> None:
    learnt: list[str] = []

    async def twice() -> tuple[Any, Any]:
        chain = Chain(None, {}, learnt.extend)
        container.minutes = 5
        first = await chain()
        container.minutes = 60
        return first, await chain()

    first, second = asyncio.run(twice())
    assert first.access_key != second.access_key == f"AKID{len(container.received)}"
    assert {first.token, second.token} <= set(learnt)


def test_who_stops_waiting_does_not_stop_the_asking(container: Container) -> None:
    """A caller who leaves while keys are being looked for."""

    async def leave() -> Any:
        chain = Chain(None, {}, lambda _: None)
        one, other = asyncio.ensure_future(chain()), asyncio.ensure_future(chain())
        await asyncio.sleep(0)
        one.cancel()
        return await other

    assert asyncio.run(leave()).access_key == "AKID1"
    assert len(container.received) == 1


# ---- what may be written --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (", access_key: a", "access_key and secret_key go together"),
        (", secret_key: a", "access_key and secret_key go together"),
        (", session_token: a", "session_token goes with keys"),
        (", access_key: a, secret_key: b, profile: c", "profile says whose keys to look for"),
    ],
)
def test_what_does_not_go_together_is_an_error(tmp_path: Path, more: str, sentence: str) -> None:
    text = PROVIDERS.format(url="http://127.0.0.1:9", more=more)
    problems = read_configuration(home_with(tmp_path, text), {}).problems
    assert any(sentence in str(problem) for problem in problems.errors)


def test_half_a_pair_in_the_environment_is_none() -> None:
    assert from_environment({"AWS_ACCESS_KEY_ID": "a"}, None) == {}
    assert from_environment(IN_ENVIRONMENT, "work") == {}
    assert from_environment({**IN_ENVIRONMENT, "AWS_SESSION_TOKEN": " "}, None) == {
        "access_key": ACCESS_KEY, "secret_key": SECRET_KEY,
    }  # fmt: skip


def test_what_touches_no_network_looks_for_no_keys(tmp_path: Path, container: Container) -> None:
    """`morello test` plays the provider itself."""
    test = {"it": "asks", "given": {"dialect": "openai", "body": QUESTION,
                                    "upstream": {"body": {"output": {"message": {"role": "assistant", "content": [{"text": "x"}]}},
                                                          "stopReason": "end_turn", "usage": {}}}},
            "expect": {"status": 200}}  # fmt: skip
    home_with(tmp_path, PROVIDERS.format(url="http://127.0.0.1:9", more="") + f"tests: [{json.dumps(test)}]\n")
    from handlers.cli import main  # noqa: PLC0415

    assert main(["test", "--home", str(tmp_path)]) == 0
    assert container.received == []
