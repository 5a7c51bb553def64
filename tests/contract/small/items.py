"""Operations with parameters."""

from contract.asgi import Plain


async def list_items(call, limit=None, offset=None, provider_type=None, deep=None, ids=None):
    given = {"limit": limit, "offset": offset, "provider_type": provider_type, "deep": deep, "ids": ids}
    return Plain({"given": given, "parameters": call.parameters, "caller": call.caller})


async def get_item(item):
    return Plain({"item": item})
