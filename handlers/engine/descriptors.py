"""How many files this process may have open: each caller and each connection to a provider is one."""

from __future__ import annotations


def raise_descriptor_limit() -> tuple[int, int]:
    """Allow this process as many open files as the system lets it: (before, after); (0, 0) where there is no limit."""
    try:
        import resource  # noqa: PLC0415 - does not exist on Windows
    except ImportError:
        return 0, 0
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # macOS calls its hard limit unlimited and refuses more than this.
    wanted = 10240 if hard == resource.RLIM_INFINITY else hard
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return soft, soft
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError):
        return soft, soft
    return soft, wanted
