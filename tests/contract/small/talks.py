"""Operations with bodies: they answer with what reached them."""

from contract.asgi import Plain

from handlers.engine.errors import GatewayError


async def create_talk(body, call):
    if body["model"] == "fails":
        raise RuntimeError("a secret of the inside")
    if body["model"] == "refuses":
        raise GatewayError("not_found", "No such model.", code="model_not_found", param="/model")
    return Plain({"body": body, "size": len(call.raw), "dialect": call.dialect_name, "caller": call.caller})


async def create_message(body, call):
    return await create_talk(body, call)


async def create_note(body):
    return Plain({"body": body})


async def create_provider_talk(provider_id, body, call):
    return Plain({"provider_id": provider_id, "parameters": call.parameters, "body": body})
