"""The command `morello`: serve, lint, test, explain, config, key.

What is wrong is said in one line on stderr: exit status 2 for a command line that makes no sense, 1 for everything
else. Only this module prints.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import socket
import ssl
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .engine.checked_templates import CheckedTemplates
from .engine.configuration import Configuration, load_configuration, read_configuration
from .engine.errors import ConfigurationError, GatewayError
from .engine.resources import environment_of, home_folder, state_folder
from .version import VERSION

if TYPE_CHECKING:
    from .work import Work

HOST, PORT = "127.0.0.1", 23333
LOG_LEVELS = ("debug", "info", "warning", "error")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns the exit status."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a console that cannot show ✓ shows a question mark
    options = parser().parse_args(arguments)
    try:
        status: int = options.run(options)
        sys.stdout.flush()
    except ConfigurationError as error:
        return fail(str(error))
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - nobody reads on (`| head`)
        return 1
    except OSError as error:
        return fail(f"{error.filename or 'morello'}: {error.strerror or error}")
    except KeyboardInterrupt:
        return 130
    return status


def fail(sentence: str) -> int:
    print(f"morello: {sentence}", file=sys.stderr)
    return 1


def parser() -> argparse.ArgumentParser:
    command = argparse.ArgumentParser(
        prog="morello", description="A headless gateway for language models: one address, one key, any provider."
    )
    command.add_argument("--version", action="version", version=f"morello {VERSION}")
    verbs = command.add_subparsers(required=True, metavar="serve|lint|test|explain|config|key")
    home = argparse.ArgumentParser(add_help=False)
    home.add_argument("--home", metavar="FOLDER", help="your providers.yaml and templates/ (MORELLO_HOME; else here)")

    serve = verbs.add_parser("serve", parents=[home], help="start the gateway")
    add_serve_options(serve)

    lint = verbs.add_parser("lint", parents=[home], help="say what is wrong with providers.yaml and templates/")
    lint.add_argument("--strict", action="store_true", help="warnings count as errors")
    lint.add_argument("--all", action="store_true", help="try the bundled templates too")
    lint.add_argument("--quiet", action="store_true", help="leave out the notes")
    lint.set_defaults(run=run_lint)

    test = verbs.add_parser("test", parents=[home], help="run the tests of providers.yaml; no network")
    test.add_argument("words", nargs="*", help="only the tests whose sentence holds one of these")
    test.set_defaults(run=run_test)

    explain = verbs.add_parser("explain", parents=[home], help="show what becomes of a request; no network")
    explain.add_argument("request", type=Path, help="a file with the JSON body of a request; - for standard input")
    explain.add_argument("--as", dest="dialect", metavar="DIALECT", help="what the caller speaks")
    explain.add_argument("--provider", metavar="ID", help="as under /{provider_id}/v1/…")
    explain.add_argument("--neutral", action="store_true", help="show the neutral form too")
    explain.add_argument("--response", type=Path, metavar="FILE", help="walk an answer of the provider back")
    explain.add_argument("--stream", type=Path, metavar="FILE", help="walk a stream of the provider back")
    explain.set_defaults(run=run_explain)

    config = verbs.add_parser("config", parents=[home], help="show the configuration in force, and where it comes from")
    config.set_defaults(run=run_config)

    key = verbs.add_parser("key", parents=[home], help="say where the gateway's key is")
    key.add_argument("--show", action="store_true", help="print the key itself")
    key.add_argument("--api-key-file", type=Path, metavar="FILE")
    key.set_defaults(run=run_key)
    return command


def add_serve_options(serve: argparse.ArgumentParser) -> None:
    serve.add_argument("--host", help=f"where to listen (MORELLO_HOST; else {HOST})")
    serve.add_argument("--port", help=f"MORELLO_PORT; else {PORT}")
    serve.add_argument("--api-key-file", type=Path, metavar="FILE", help="a file that holds a key that callers may use")
    serve.add_argument("--no-auth", action="store_true", help="ask nobody for a key; on this machine only")
    serve.add_argument(
        "--open-paths", action="append", default=[], metavar="GLOB",
        help="paths that need no key, such as '/api/*' for tools that send none; on this machine only",
    )  # fmt: skip
    serve.add_argument("--tls-cert", type=Path, metavar="FILE")
    serve.add_argument("--tls-key", type=Path, metavar="FILE")
    serve.add_argument("--root-path", default="", metavar="PATH", help="what a proxy in front takes off the path")
    serve.add_argument(
        "--cors-origin", action="append", default=[], metavar="ORIGIN",
        help="an origin whose pages may call, such as https://chat.example.com, or *; may be repeated",
    )  # fmt: skip
    serve.add_argument("--workers", type=int, default=1, metavar="N", help="processes that serve side by side (1)")
    serve.add_argument("--log-level", choices=LOG_LEVELS, default="info")
    serve.add_argument("--check", action="store_true", help="lint first, and start only if there is no error")
    serve.set_defaults(run=run_serve)


def configuration_of(options: argparse.Namespace) -> Configuration:
    """For `serve`, which starts quickly unless it is asked to check first, and for the commands that look at all."""
    quick = options.run is run_serve and not options.check
    checked = CheckedTemplates(state_folder(os.environ) / "checked-templates") if quick else None
    return load_configuration(home_folder(options.home, os.environ), os.environ, checked)


def run_serve(options: argparse.Namespace) -> int:
    from .app import CONTRACT, Morello  # noqa: PLC0415 - the other commands start without the server's packages
    from .engine.contract import kept_document  # noqa: PLC0415
    from .engine.request_log import RequestLog  # noqa: PLC0415
    from .health import STARTED  # noqa: PLC0415
    from .large_requests import LargeRequests  # noqa: PLC0415
    from .security import open_access  # noqa: PLC0415
    from .server import Address, serve  # noqa: PLC0415
    from .work import Work  # noqa: PLC0415

    configuration = configuration_of(options)
    if options.check and lint_lines(configuration, strict=False, quiet=True):
        return fail("There are errors; see above.")
    environment = configuration.environment
    host = options.host or environment.get("MORELLO_HOST") or HOST
    address = Address(host, port_of(options.port, environment), root_path_of(options.root_path), *tls_of(options))
    access = open_access(
        configuration.keys, environment, file=options.api_key_file, no_auth=options.no_auth, host=host,
        open_paths=options.open_paths,
    )  # fmt: skip
    check_origins(options.cors_origin)
    if options.workers != 1:
        from .workers import serve_with_workers  # noqa: PLC0415

        return serve_with_workers(
            configuration, address, access, options.workers, cors_origins=tuple(options.cors_origin),
            log_level=options.log_level,
        )  # fmt: skip
    document = kept_document(CONTRACT, state_folder(os.environ) / "contract.json")
    morello = Morello(
        configuration, access, document=document, cors_origins=options.cors_origin, log=RequestLog()
    )
    told = Work(configuration.resources.home, address, replace(access, fresh=None), (), options.log_level, STARTED)
    morello.large = LargeRequests(morello.engine, told, begin_worker)
    return serve(morello, address, access, log_level=options.log_level)


def begin_worker(told: Work, listener: socket.socket) -> tuple[Any, Any]:
    from .worker import spawned  # noqa: PLC0415 - few servers ever need what this imports

    return spawned(told, listener)


def port_of(given: str | None, environment: Mapping[str, str]) -> int:
    written = given or environment.get("MORELLO_PORT") or str(PORT)
    if not written.isascii() or not written.isdigit() or int(written) > 65535:
        raise ConfigurationError(f"{written!r} is not a port.", hint="A port is a number from 0 to 65535.")
    return int(written)


def root_path_of(given: str) -> str:
    path = given.rstrip("/")
    if path and not path.startswith("/"):
        raise ConfigurationError(f"--root-path {given!r} does not begin with a slash.")
    return path


def check_origins(given: Sequence[str]) -> None:
    """An origin has a scheme and a host, and no path; another would never be the one that a browser sends."""
    for origin in given:
        if origin != "*" and not re.fullmatch(r"[a-z][a-z0-9+.-]*://[^/?#@\s]+/?", origin, re.IGNORECASE):
            raise ConfigurationError(
                f"--cors-origin {origin!r} is not an origin.", hint="Such as https://chat.example.com, or * for all."
            )


def tls_of(options: argparse.Namespace) -> tuple[Path | None, Path | None]:
    certificate, key = options.tls_cert, options.tls_key
    if (certificate is None) != (key is None):
        raise ConfigurationError("--tls-cert and --tls-key go together.")
    for file in (certificate, key):
        if file is not None and not file.is_file():
            raise ConfigurationError("There is no such file.", file=str(file))
    if certificate is not None and key is not None:
        try:
            ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificate, key)
        except ssl.SSLError as error:
            raise ConfigurationError(
                f"This certificate and the key {key} cannot be used: {error.reason or 'they are not PEM'}.",
                file=str(certificate), hint="Both are PEM files, and the key must belong to the certificate.",
            ) from error
    return certificate, key


def run_lint(options: argparse.Namespace) -> int:
    home = home_folder(options.home, os.environ)
    configuration = read_configuration(home, os.environ)
    wrong = lint_lines(configuration, strict=options.strict, quiet=options.quiet, bundled=options.all)
    return 1 if wrong else 0


def lint_lines(configuration: Configuration, *, strict: bool, quiet: bool, bundled: bool = False) -> bool:
    """Print what is wrong. Whether there is anything that must not be."""
    from .engine.lint import lint, summary  # noqa: PLC0415 - it needs more than a start does

    problems = lint(configuration, bundled=bundled)
    for problem in problems:
        if not (quiet and problem.level == "note"):
            print(problem)
    print(summary(configuration, problems))
    return any(problem.level == "error" or (strict and problem.level == "warning") for problem in problems)


def run_test(options: argparse.Namespace) -> int:
    from .rehearsing import rehearse  # noqa: PLC0415 - it needs the whole app

    configuration = configuration_of(options)
    failed = asyncio.run(rehearse(configuration, options.words, print))
    return 1 if failed else 0


def run_explain(options: argparse.Namespace) -> int:
    from .explaining import Question, explain, read_answer, read_body  # noqa: PLC0415 - it needs the whole app
    from .rehearsing import first_spoken  # noqa: PLC0415

    configuration = configuration_of(options)
    answer = read_answer(options.response, options.stream)
    dialect = options.dialect or first_spoken()
    question = Question(dialect, read_body(options.request), options.provider, answer, options.neutral)
    try:
        print(*asyncio.run(explain(configuration, question)), sep="\n")
    except GatewayError as error:
        return fail(f"{error.status} {error.message}")
    return 0


def run_config(options: argparse.Namespace) -> int:
    from .engine.overview import overview  # noqa: PLC0415 - no other command needs it

    for line in overview(configuration_of(options)):
        print(line)
    return 0


def run_key(options: argparse.Namespace) -> int:
    """Where the key is; the key itself only when it is asked for."""
    from .security import ENVIRONMENT_NAME, keep_key, key_file, read_key  # noqa: PLC0415 - see run_serve

    home = home_folder(options.home, os.environ)
    environment = environment_of(home, os.environ)
    file = options.api_key_file
    named = load_configuration(home, os.environ).keys
    configured = environment.get(ENVIRONMENT_NAME, "").strip()
    if file is not None:
        key, where = read_key(file, "Write a key into it."), str(file)
    elif configured:
        key, where = configured, f"the variable {ENVIRONMENT_NAME}"
    elif named:
        name, keys = next(iter(named.items()))
        key, where = keys[0], f"keys: of providers.yaml ({', '.join(named)}); {name}'s is shown with --show"
    else:
        kept = key_file(environment)
        key, where = keep_key(kept)[0], str(kept)
    print(key if options.show else f"The key is in {where}")
    return 0
