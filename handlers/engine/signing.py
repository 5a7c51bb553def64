"""Credentials that have to be computed for each request: `auth: {scheme: …}` of a provider.

`sigv4` is AWS Signature Version 4: the method, the path, the query, some headers and the body's digest are signed with
a secret that itself is never sent. The algorithm is botocore's, which is an optional package.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Headers = list[tuple[bytes, bytes]]
Sign = Callable[[str, str, Headers, bytes], Headers]
"""Method, URL as it is sent, headers, body → the headers with a signature among them."""

SCHEMES = ("sigv4",)
EXTRA = 'auth needs a package that is not installed: pip install "morello[aws]"'
SIGNED = frozenset((b"content-type",))
"""Of our headers those that are signed; a proxy may add to the others."""
OPTIONAL = "session_token"
"""The only member whose variable may be unset: keys that do not expire have none."""


@dataclass(frozen=True, slots=True, repr=False)
class Auth:
    """What a provider declares: whose keys, for which service of which region."""

    service: str
    region: str
    access_key: str
    secret_key: str
    session_token: str | None = None
    scheme: str = "sigv4"

    @classmethod
    def read(cls, declared: Mapping[str, Any], is_set: Callable[[str], bool]) -> Auth:
        """`is_set` tells whether all variables of a member are set."""
        given = {name: value.strip() for name, value in declared.items() if is_set(value)}
        return cls(**{"service": "", "region": "", "access_key": "", "secret_key": "", **given})

    @property
    def secrets(self) -> list[str]:
        return [text for text in (self.access_key, self.secret_key, self.session_token) if text]

    def signer(self) -> Sign:
        """The function that signs. It takes a tenth of a second to make, so it is made before requests come."""
        made_by: Any = importlib.import_module("botocore.auth")  # an optional package, without types
        request_of: Any = importlib.import_module("botocore.awsrequest").AWSRequest
        credentials_of: Any = importlib.import_module("botocore.credentials").Credentials
        credentials = credentials_of(self.access_key, self.secret_key, self.session_token)
        algorithm = made_by.SigV4Auth(credentials, self.service, self.region)

        def sign(method: str, url: str, headers: Headers, body: bytes) -> Headers:
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
