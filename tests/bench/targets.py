"""What is measured: floors, a plain proxy, the gateway with one worker or more; how each is started and spoken to."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from processes import MEASURED, REST, free_port, python, running
from scenarios import Scenario

HERE = Path(__file__).parent
KEY = "bench-key-0123456789"
PROVIDERS = """
providers:
  o: {{type: openai, base_url: "http://127.0.0.1:{port}/v1", key: k, models: any}}
  a: {{type: anthropic, base_url: "http://127.0.0.1:{port}", key: k, models: any}}
"""
NGINX = """
worker_processes 1; daemon off; error_log stderr error; pid {folder}/nginx.pid;
events {{ worker_connections 16384; }}
http {{
  access_log off; client_max_body_size 64m; client_body_buffer_size 8m; keepalive_requests 100000000;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  upstream provider {{ server 127.0.0.1:{provider}; keepalive 4096; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{ proxy_pass http://provider; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; }}
  }}
}}
"""


@dataclass(frozen=True)
class Target:
    """A kind of server. `start(provider port, own port, folder)` is its command, its settings in the environment.

    `model` is what a scenario's model is called there, `headers` what a request carries, `able` whether it can do it.
    """

    name: str
    start: Callable[[int, int, Path], tuple[list[str], dict[str, str]]]
    model: Callable[[Scenario], str] = lambda scenario: scenario.model
    headers: Callable[[Scenario, int], tuple[tuple[str, str], ...]] = lambda _scenario, _port: ()
    able: Callable[[Scenario], bool] = lambda _scenario: True
    workers: int = 1


@dataclass(frozen=True)
class Server:
    """A target that runs."""

    target: Target
    port: int
    process: int
    provider_port: int

    @property
    def name(self) -> str:
        return self.target.name

    def request(self, scenario: Scenario) -> bytes:
        return scenario.request(self.target.model(scenario), self.target.headers(scenario, self.provider_port))


def floor(which: str, name: str) -> Target:
    return Target(name, lambda provider, port, _folder: (python(str(HERE / "floors.py"), which, str(port), str(provider)), {}))


def start_nginx(provider: int, port: int, folder: Path) -> tuple[list[str], dict[str, str]]:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "nginx.conf"
    file.write_text(NGINX.format(folder=folder, port=port, provider=provider))
    return [str(nginx_command()), "-c", str(file), "-p", str(folder), "-e", "stderr"], {}


def nginx_command() -> str | None:
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


def morello(workers: int = 1, providers: str = PROVIDERS, name: str = "morello") -> Target:
    def start(provider: int, port: int, folder: Path) -> tuple[list[str], dict[str, str]]:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "providers.yaml").write_text(providers.format(port=provider))
        more = ("--workers", str(workers)) if workers > 1 else ()
        command = python("-m", "handlers", "serve", "--home", str(folder), "--port", str(port), *more)
        return command, {"MORELLO_API_KEY": KEY}

    return Target(
        name if workers == 1 else f"{name}, {workers} workers", start,
        model=lambda scenario: f"{scenario.provider[0]}:{scenario.model}",
        headers=lambda _scenario, _port: (("authorization", f"Bearer {KEY}"),), workers=workers,
    )  # fmt: skip


FLOORS = {
    "answering": floor("answering", "uvicorn answering"),
    "relay": floor("relay", "uvicorn relay"),
    "transport": floor("transport", "uvicorn relay, our transport"),
}


@contextlib.contextmanager
def provider(folder: Path) -> Iterator[int]:
    """The port of a mock provider."""
    port = free_port()
    with running(port, python(str(HERE / "mock_provider.py"), str(port)), on=REST, log=folder / "provider.log"):
        yield port


@contextlib.contextmanager
def serving(target: Target, provider_port: int, folder: Path, on: set[int] = MEASURED) -> Iterator[Server]:
    """The target as a server, pinned to its core unless told otherwise; what it says goes to a file in `folder`.

    Several workers on one core would only get in each other's way: they have all cores, and share them with the load.
    """
    port, own = free_port(), folder / target.name.replace(" ", "-").replace(",", "")
    own.mkdir(parents=True, exist_ok=True)
    command, environment = target.start(provider_port, port, own)
    with running(port, command, on=on if target.workers == 1 else MEASURED | REST, log=own / "said.log", **environment) as process:
        yield Server(target, port, process, provider_port)
