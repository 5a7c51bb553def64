"""Credentials that have to be computed for each request: `auth: {scheme: …}` of a provider.

`sigv4` is AWS Signature Version 4: the method, the path, the query, some headers and the body's digest are signed with
a secret that itself is never sent. The algorithm is botocore's, which is an optional package. Whose secret it is the
provider says, or else the environment, or else what botocore finds (credential_chain.py).
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .credential_chain import Chain, Learn, from_environment, unheard

Headers = list[tuple[bytes, bytes]]
Sign = Callable[[str, str, Headers, bytes], Awaitable[Headers]]
"""Method, URL as it is sent, headers, body → the headers with a signature among them."""

SCHEMES = ("sigv4",)
EXTRA = 'auth needs a package that is not installed: pip install "morello[aws]"'
SIGNED = frozenset((b"content-type",))
"""Of our headers those that are signed; a proxy may add to the others."""
OPTIONAL = "session_token"
"""The only member whose variable may be unset: keys that do not expire have none."""


@dataclass(frozen=True, slots=True, repr=False)
class Auth:
    """What a provider declares: whose keys, for which service of which region. Without keys they are looked for."""

    service: str
    region: str
    access_key: str = ""
    secret_key: str = ""
    session_token: str | None = None
    scheme: str = "sigv4"
    profile: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, declared: Mapping[str, Any], is_set: Callable[[str], bool], environment: Mapping[str, str]) -> Auth:
        """`is_set` tells whether all variables of a member are set. `environment` holds `.env`, too."""
        given = {name: value.strip() for name, value in declared.items() if is_set(value)}
        if "secret_key" not in declared:
            given |= from_environment(environment, given.get("profile"))
        return cls(**{"service": "", "region": "", **given}, environment=environment)

    @property
    def source(self) -> str:
        """Where the keys come from, for people."""
        if self.secret_key:
            return "keys of the configuration or the environment"
        return f"keys of the profile {self.profile}" if self.profile else "keys that are looked for when first needed"

    @property
    def secrets(self) -> list[str]:
        return [text for text in (self.access_key, self.secret_key, self.session_token) if text]

    def signer(self, learn: Learn = unheard) -> Sign:
        """The function that signs. It takes a tenth of a second to make, so it is made before requests come.

        `learn` is told of keys that are found later. What is made raises NoCredentialsError where there are none.
        """
        made_by: Any = importlib.import_module("botocore.auth")  # an optional package, without types
        request_of: Any = importlib.import_module("botocore.awsrequest").AWSRequest
        credentials_of: Any = importlib.import_module("botocore.credentials").Credentials
        declared = credentials_of(self.access_key, self.secret_key, self.session_token) if self.secret_key else None
        chain = Chain(self.profile, self.environment, learn)

        async def sign(method: str, url: str, headers: Headers, body: bytes) -> Headers:
            credentials = declared or await chain()
            algorithm = made_by.SigV4Auth(credentials, self.service, self.region)
            chosen = {name.decode(): value.decode("latin-1") for name, value in headers if name in SIGNED}
            request = request_of(method=method, url=url, headers=chosen, data=body)
            algorithm.add_auth(request)
            made = [(name.lower().encode(), value.encode()) for name, value in request.headers.items()]
            names = {name for name, _ in made}
            return [*(pair for pair in headers if pair[0] not in names), *made]

        return sign


def missing() -> str | None:
    """Why nothing can be signed here, or None."""
    return None if importlib.util.find_spec("botocore") else EXTRA


def contradiction(declared: Mapping[str, Any]) -> str | None:
    """What of `auth:` does not go together, or None."""
    keys = {"access_key", "secret_key"} & declared.keys()
    if len(keys) == 1:
        return "access_key and secret_key go together"
    if keys and "profile" in declared:
        return "profile says whose keys to look for, so none can stand beside it"
    return "session_token goes with keys" if "session_token" in declared and not keys else None
