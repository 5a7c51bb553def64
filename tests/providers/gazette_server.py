"""A press: the server of the invented format `gazette` (operator/homes/gazette). Rows of text in, columns out.

Orders that the reader names are given, without ids; what the clerk says to them is printed; else the reader's words
are repeated. The word `jam` makes it fail, `flood` inside a stream.
"""

from __future__ import annotations

import json
from typing import Any

from providers.vendor_server import Received, Refused, Reply, VendorServer, arguments_for, shreds

KEY = "press-pass-1"
ROWS = {"editor": 2, "reader": 2, "writer": 2, "order": 3, "clerk": 3}


class GazetteServer(VendorServer):
    """Serves POST /print/whole, POST /print/live and GET /editions."""

    one_byte = False

    def refusal(self, refused: Refused) -> Reply:
        headers = {"content-type": "text/plain", **refused.more.get("headers", {})}
        return Reply(refused.status, refused.message.encode(), headers=headers)

    def reply(self, request: Received) -> Reply:
        if request.headers.get("x-press-pass") != f"Token {KEY}":
            raise Refused(401, "No pass, no press.")
        if request.path == "/editions":
            return Reply(200, ["evening", "morning/early:2"])
        if request.path not in ("/print/whole", "/print/live"):
            raise Refused(404, "No such door.")
        if request.headers.get("x-edition") not in ("evening", "morning/early:2"):
            raise Refused(404, f"No such edition: {request.headers.get('x-edition')}")
        body = request.body
        if set(body) - {"script", "orders", "columns"} or "columns" not in body:
            raise Refused(400, f"Not a manuscript: {', '.join(sorted(body))}")
        for row in body["script"]:
            if ROWS.get(row[0]) != len(row) or not isinstance(row[1], str):
                raise Refused(400, f"Not a row: {row[0]}")
        said = body["script"][-1][-1]
        if "jam" in said:
            raise Refused(503, "Paper jam: come back later.\n", headers={"retry-after": "7"})
        columns, closing = self.columns(body, said)
        words = {"in": 7, "all": 10}
        if request.path == "/print/whole":
            return Reply(200, {"issue": 12, "columns": columns, "closing": closing, "words": words})
        elements: list[Any] = [{"issue": 12}]
        for column in columns:
            elements += [{"text": piece} for piece in shreds(column["text"], 4)] if "text" in column else [column]
        elements.append({"jam": "The ink ran out."} if "flood" in said else {"closing": closing, "words": words})
        raw = json.dumps(elements, indent=1, ensure_ascii=False).encode()
        events = [raw[at : at + 1] for at in range(len(raw))] if self.one_byte else [raw[:30], raw[30:]]
        return Reply(200, events=events, headers={"content-type": "application/json"})

    @staticmethod
    def columns(body: Any, said: str) -> tuple[list[Any], str]:
        if body["script"][-1][0] == "clerk":
            clerks = [row for row in body["script"] if row[0] == "clerk"]
            return [{"text": "; ".join(f"{name}: {text}" for _, name, text in clerks)}], "end"
        wanted = [order for order in body.get("orders", []) if order["order"] in said]
        if wanted:
            orders = [{"order": order["order"], "with": arguments_for(order.get("with", {}), number)}
                      for number, order in enumerate(wanted)]  # fmt: skip
            return [{"text": "One moment."}, *orders], "order"
        return [{"text": said}], "end"
