"""Other gateways from the package registries, as targets: installed on request into a cache folder, each on its own.

    make bench ARGS="--peers rolter,litellm"

What a peer does not offer is left out of its rows (`able`), never counted against it. Settings are chosen in its favour:
no log of requests, no rate limit, no retries, a single process.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from scenarios import Scenario
from targets import Target

MODELS = ("bench", "bench-tools", "bench-calm", "bench-paced", "bench-k100")
KEY = "sk-bench-0123456789"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "morello-bench"
NO_PROXY = {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
CATALOGUE = {
    "openai": dict(zip(MODELS, ("gpt-4o", "gpt-4o-mini", "gpt-4.1", "gpt-4.1-mini", "gpt-4.1-nano"), strict=True)),
    "anthropic": dict(zip(MODELS, ("claude-sonnet-4-5", "claude-haiku-4-5", "claude-opus-4-1", "claude-opus-4-5", "claude-sonnet-4-0"), strict=True)),
}  # fmt: skip
"""For a peer that takes only names it knows; the mock provider is told what they stand for."""

Command = tuple[list[str], dict[str, str]]


@dataclass(frozen=True)
class Peer:
    """`package` as its registry names it; `start(its folder, provider, port, folder of the run)` is how it is started."""

    package: str
    start: Callable[[Path, int, int, Path], Command]
    target: Callable[[Target], Target] = lambda target: target
    registry: str = "pypi"


def prefixed(scenario: Scenario) -> str:
    return f"{scenario.provider[0]}-{scenario.model}"


def listed(scenario: Scenario) -> bool:
    return scenario.model in MODELS


def start_rolter(installed: Path, provider: int, port: int, folder: Path) -> Command:
    lines = [f'[server]\nhost = "127.0.0.1"\nport = {port}']
    for name, kind in (("o", "openai"), ("a", "anthropic")):
        lines.append(f'[[providers]]\nname = "{name}"\nkind = "{kind}"\napi_base = "http://127.0.0.1:{provider}"\n'
                     'api_key_env = "BENCH_KEY"\nallow_custom_api_base = true')  # fmt: skip
        lines += [f'[[routes]]\nmodel = "{name}-{model}"\nstrategy = "round_robin"\n[[routes.targets]]\nprovider = "{name}"\n'
                  f'model = "{model}"' for model in MODELS]  # fmt: skip
    (folder / "rolter.toml").write_text("\n".join(lines))
    command = [str(installed / "bin/rolter"), "gateway", "--config", str(folder / "rolter.toml"), "--port", str(port)]
    return command, {"BENCH_KEY": KEY, "RUST_LOG": "error"}


def start_ferrogw(installed: Path, provider: int, port: int, folder: Path) -> Command:
    file = folder / "config.yaml"
    file.write_text("strategy: {mode: fallback}\ntargets: [{virtual_key: openai}, {virtual_key: anthropic}]\n")
    url = f"http://127.0.0.1:{provider}"
    return [str(installed / "bin/ferrogw"), "serve"], {
        "PORT": str(port), "GATEWAY_CONFIG": str(file), "ALLOW_UNAUTHENTICATED_PROXY": "true", "MASTER_KEY": "fgw_" + "1" * 32,
        "OPENAI_API_KEY": KEY, "ANTHROPIC_API_KEY": KEY, "OPENAI_BASE_URL": url, "ANTHROPIC_BASE_URL": url,
        "RATE_LIMIT_RPS": "1000000", "RATE_LIMIT_BURST": "1000000", "LOG_LEVEL": "error", "GOMAXPROCS": "1",
    }  # fmt: skip


def start_litellm(installed: Path, provider: int, port: int, folder: Path) -> Command:
    models = [{"model_name": f"{name[0]}-*", "litellm_params": {"model": f"{name}/*", "api_key": KEY,
               "api_base": f"http://127.0.0.1:{provider}{'/v1' if name == 'openai' else ''}"}}
              for name in ("openai", "anthropic")]  # fmt: skip
    settings = {"num_retries": 0, "telemetry": False, "use_chat_completions_url_for_anthropic_messages": True}
    file = folder / "config.yaml"
    file.write_text(json.dumps({"model_list": models, "litellm_settings": settings}))
    command = [str(installed / "bin/litellm"), "--config", str(file), "--host", "127.0.0.1", "--port", str(port)]
    return command, {"LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true", "LITELLM_LOCAL_MODEL_COST_MAP": "True",
                     "LITELLM_LOG": "ERROR", "PATH": f"{installed / 'bin'}:{os.environ['PATH']}", **NO_PROXY}  # fmt: skip


def start_rosetta(installed: Path, provider: int, port: int, folder: Path) -> Command:
    url = f"http://127.0.0.1:{provider}"
    providers = {"openai_chat": {"api_key": KEY, "base_url": f"{url}/v1"}, "anthropic": {"api_key": KEY, "base_url": url}}
    models = {f"{name[0]}-{model}": name for name in providers for model in MODELS}
    server = {"host": "127.0.0.1", "port": port, "open_on_no_keys": True}
    file = folder / "config.jsonc"
    file.write_text(json.dumps({"providers": providers, "models": models, "server": server}))
    command = [str(installed / "bin/llm-rosetta-gateway"), "--config", str(file), "--no-banner", "--log-level", "error"]
    return command, {"HOME": str(folder), **NO_PROXY}


def start_portkey(installed: Path, _provider: int, port: int, _folder: Path) -> Command:
    script = installed / "node_modules/@portkey-ai/gateway/build/start-server.js"
    return [str(shutil.which("node")), str(script), f"--port={port}", "--headless"], {"NODE_ENV": "production"}


def for_portkey(scenario: Scenario, provider: int) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {KEY}"), ("x-api-key", KEY), ("x-portkey-provider", scenario.provider),
            ("x-portkey-custom-host", f"http://127.0.0.1:{provider}/v1"))  # fmt: skip


PEERS = {
    "rolter": Peer("rolter", start_rolter, lambda one: Target(one.name, one.start, prefixed, able=listed)),
    "ferrogw": Peer("ferrogw", start_ferrogw, lambda one: Target(
        one.name, one.start, lambda scenario: CATALOGUE[scenario.provider][scenario.model],
        able=lambda scenario: listed(scenario) and scenario.client == "openai")),
    "llm-rosetta": Peer("llm-rosetta[gateway]", start_rosetta, lambda one: Target(one.name, one.start, prefixed, able=listed)),
    "litellm": Peer("litellm[proxy]", start_litellm, lambda one: Target(
        one.name, one.start, prefixed, lambda _scenario, _provider: (("authorization", f"Bearer {KEY}"),), able=listed)),
    "portkey": Peer("@portkey-ai/gateway", start_portkey, lambda one: Target(
        one.name, one.start, headers=for_portkey,
        able=lambda scenario: scenario.client == "openai" or scenario.provider == "anthropic"), registry="npm"),
}  # fmt: skip


def installed(name: str, cache: Path) -> Path:
    """The folder of a peer, installed there if it is not yet. Raises RuntimeError with what the installer said."""
    peer, folder = PEERS[name], cache / name
    if (folder / ".installed").exists():
        return folder
    print(f"installing {peer.package} into {folder} …", file=sys.stderr, flush=True)
    folder.mkdir(parents=True, exist_ok=True)
    if peer.registry == "npm":
        steps = [["npm", "install", "--prefix", str(folder), "--no-audit", "--no-fund", peer.package]]
    else:
        steps = [[sys.executable, "-m", "venv", str(folder)],
                 [str(folder / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", peer.package]]  # fmt: skip
    for step in steps:
        if shutil.which(step[0]) is None:
            raise RuntimeError(f"{name} needs {step[0]}, which is not here")
        done = subprocess.run(step, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{name} could not be installed: {done.stderr.strip()[-300:]}")
    (folder / ".installed").touch()
    return folder


def peer_target(name: str, cache: Path = CACHE) -> Target:
    """A peer as a target; installs it first. Raises RuntimeError where that fails, or the name is not known."""
    if name not in PEERS:
        raise RuntimeError(f"{name} is not known; these are: {', '.join(PEERS)}")
    folder, peer = installed(name, cache), PEERS[name]
    return peer.target(Target(name, lambda provider, port, own: peer.start(folder, provider, port, own)))
