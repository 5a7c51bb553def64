"""Which proxy the environment wants for a URL: HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, less NO_PROXY.

Names, suffixes and `*` of NO_PROXY are read as Python's own urllib reads them; address ranges (10.0.0.0/8) count too.
"""

from __future__ import annotations

import ipaddress
import urllib.request
from urllib.parse import urlsplit


def proxy_of(url: str) -> str | None:
    """The URL of the proxy that the environment (on macOS and Windows also the system) wants for `url`; None: none."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    proxies = urllib.request.getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy or urllib.request.proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    if _in_range(host, proxies.get("no", "")):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _in_range(host: str, exceptions: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    for exception in exceptions.split(","):
        try:
            if address in ipaddress.ip_network(exception.strip(), strict=False):
                return True
        except ValueError:
            continue
    return False
