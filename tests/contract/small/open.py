"""The open operation of the small contract."""

from contract.asgi import Plain


async def get_health():
    return Plain({"status": "ok"})
