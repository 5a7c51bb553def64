"""From the model that a caller names to the provider that serves it.

`provider:model` splits at the first colon only, because model ids hold colons. Under `/{provider_id}/…` the model may
still carry its own provider's prefix, and only that is taken off. Every lookup is one in a dict.
"""

from __future__ import annotations

from .configuration import Configuration
from .errors import GatewayError, InvalidRequest, NotFound
from .problems import did_you_mean
from .providers import Provider, Target

MOST_NAMED = 10
"""Ids that an error lists at most."""
MOST_KEPT = 4096
LONGEST_KEPT = 256
"""Callers ask for the same few models: where those go is remembered."""


def resolve(
    configuration: Configuration, model: str, provider_id: str | None = None
) -> Target:
    """Where a call for `model` goes; `provider_id` is the one of the path, if there is one.

    Raises GatewayError: not_found with `model_not_found`, `provider_not_found` or `provider_off`, and invalid_request
    with `model_without_provider`.
    """
    known = configuration.targets
    target = known.get((model, provider_id))
    if target is None:
        target = _resolved(configuration, model, provider_id)
        if len(model) <= LONGEST_KEPT:
            if len(known) >= MOST_KEPT:
                known.clear()
            known[model, provider_id] = target
    return target


def _resolved(configuration: Configuration, model: str, provider_id: str | None) -> Target:
    if provider_id is not None:
        provider = provider_of(configuration, provider_id, "provider_id")
        return _target(provider, model.removeprefix(f"{provider_id}:"), model)
    targets = configuration.aliases.get(model)
    if targets is not None:
        return _first_that_is_on(configuration, model, targets)
    prefix, colon, rest = model.partition(":")
    if colon and prefix in configuration.providers:
        return _target(provider_of(configuration, prefix, "model"), rest, model)
    raise _unknown(configuration, model, prefix if colon else "")


def _first_that_is_on(configuration: Configuration, alias: str, targets: list[str]) -> Target:
    reasons = []
    for name in targets:
        provider_id, _, model_id = name.partition(":")
        provider = configuration.providers[provider_id]
        if provider.off is None:
            return _target(provider, model_id, alias)
        reasons.append(f"{provider_id} is off: {provider.off}")
    message = f"No provider of the alias '{alias}' is on ({'; '.join(reasons)})."
    raise NotFound(message, code="provider_off", param="model")


def provider_of(configuration: Configuration, provider_id: str, param: str) -> Provider:
    """The provider of that id; GatewayError where there is none, or where it is off. `param`: what named it."""
    provider = configuration.providers.get(provider_id)
    if provider is None:
        known = configuration.on
        hint = did_you_mean(provider_id, known) or f"Known: {_some(sorted(known))}."
        raise NotFound(
            f"There is no provider '{_short(provider_id)}'. {hint}", code="provider_not_found", param=param
        )
    if provider.off is not None:
        raise NotFound(f"The provider '{provider_id}' is off: {provider.off}.", code="provider_off", param=param)
    return provider


def _target(provider: Provider, model_id: str, requested: str) -> Target:
    model = provider.models.get(model_id)
    if model is not None:
        return Target(provider, model_id, model, requested)
    if provider.any_model and model_id:
        return Target(provider, model_id, provider.other, requested)
    hint = did_you_mean(model_id, provider.models) or f"It has: {_some(list(provider.models))}."
    raise NotFound(
        f"The provider '{provider.id}' has no model '{_short(model_id)}'. {hint}", code="model_not_found", param="model"
    )


def _unknown(configuration: Configuration, model: str, prefix: str) -> GatewayError:
    """Why `model` names nothing: a model without its provider, or an id that nobody has."""
    ending = configuration.listed.get(model, [])
    if ending:
        shown = _some(ending)
        message = f"The model '{_short(model)}' needs its provider before it: {shown}."
        return InvalidRequest(message, code="model_without_provider", param="model")
    off = configuration.listed_off.get(model, [])
    if off:
        provider = configuration.providers[off[0].partition(":")[0]]
        message = f"The model '{off[0]}' cannot be asked: the provider '{provider.id}' is off: {provider.off}."
        return NotFound(message, code="provider_off", param="model")
    if prefix:
        known = configuration.on
        hint = did_you_mean(prefix, known) or f"Known: {_some(sorted(known))}."
        message = f"The model '{_short(model)}' is not known: there is no provider '{_short(prefix)}'. {hint}"
        return NotFound(message, code="model_not_found", param="model")
    hint = did_you_mean(model, [*configuration.aliases, *configuration.listed])
    hint = _with_providers(configuration, hint)
    message = f"The model '{_short(model)}' names no provider, and nobody is known to have it. {hint}"
    return NotFound(f"{message} Write provider:model; GET /v1/models lists them.".replace("  ", " "),
                    code="model_not_found", param="model")  # fmt: skip


def _with_providers(configuration: Configuration, hint: str) -> str:
    """Did-you-mean compares bare names; what is suggested must be usable, so it gets its provider."""
    for name in hint.split("'")[1::2]:
        full = configuration.listed.get(name)
        if full and name not in configuration.aliases:
            hint = hint.replace(f"'{name}'", f"'{full[0]}'")
    return hint


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:MOST_NAMED])
    return f"{shown} and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else shown or "none"


def _short(text: str) -> str:
    """A caller's text in a message: printable, and not at any length."""
    text = "".join(letter if letter.isprintable() else "?" for letter in text[:101])
    return f"{text[:100]}…" if len(text) > 100 else text
