"""A quarry: the server of the invented format `quarry` (operator/homes/quarry). Each line repeats all that was said.

It uses the tools that the asker names; given results, it says them; else it repeats the asker's words. Every answer is
a 200, faults as well: of a wrong key, an unknown stone, a turn it cannot read, and of the words `crowd` (before it
speaks), `slide` (in the middle of a stream) and `recant` (a stream that takes back what it said).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import yaml
from providers.vendor_server import Received, Refused, Reply, VendorServer, arguments_for, shreds

KEY = "chisel-1"
SCHEMAS = yaml.safe_load((Path(__file__).parents[1] / "operator/homes/quarry/quarry.schemas.yaml").read_text("utf-8"))
REQUEST = jsonschema_rs.validator_for({**SCHEMAS, "$ref": "#/$defs/request"})


class QuarryServer(VendorServer):
    """Serves POST /stones/{stone}/speak and GET /stones."""

    one_byte = False

    def refusal(self, refused: Refused) -> Reply:
        return Reply(200, {"fault": [refused.status, refused.message, *refused.more.get("told", ())]})

    def reply(self, request: Received) -> Reply:
        if request.headers.get("x-chisel") != KEY:
            raise Refused(2, "Whose chisel?")
        if request.path == "/stones":
            return Reply(200, {"stones": [["granite", "Granite One"], ["slate", "Slate"]]})
        if request.path not in ("/stones/granite/speak", "/stones/slate/speak"):
            raise Refused(3, f"No stone at {request.path}")
        body = request.body
        if not REQUEST.is_valid(body):
            raise Refused(1, "Not a talk.")
        said = body["talk"][-1]
        if "crowd" in str(said):
            raise Refused(7, "Too many hammers.", told=[3])
        answer = self.answer(body, said)
        if not body["flow"]:
            return Reply(200, {**answer, "cost": [7, 3]})
        raw = b"".join(json.dumps(line, ensure_ascii=False).encode() + b"\n" for line in self.lines(answer, str(said)))
        events = [raw[at : at + 1] for at in range(len(raw))] if self.one_byte else raw.splitlines(keepends=True)
        return Reply(200, events=events, headers={"content-type": "application/x-ndjson"})

    @staticmethod
    def answer(body: Any, said: list[Any]) -> Any:
        if said[0] == 40:
            rows = sorted(row for row in body["talk"] if row[0] == 40)
            return {"said": "; ".join(f"{place}: {text}" for _, place, text, _ in rows), "stop": 0}
        wanted = [tool for tool in body.get("tools", []) if tool[0] in said[1]]
        if wanted:
            calls = [[name, json.dumps(arguments_for(shape, at))] for at, (name, _, shape) in enumerate(wanted)]
            return {"mused": "Which tool?", "said": "One moment.", "calls": calls, "stop": 1}
        return {"said": said[1], "stop": 0}

    @staticmethod
    def lines(answer: Any, said: str) -> list[Any]:
        lines: list[Any] = [{}]
        for kind in ("mused", "said"):
            pieces = shreds(answer.get(kind, ""), 3)
            lines += [{**lines[-1], kind: "".join(pieces[: at + 1])} for at in range(len(pieces))]
        if "slide" in said:
            return [*lines, {"fault": [9, "The face came down."]}]
        if "recant" in said:
            return [*lines, {"said": "Never mind."}]
        calls = answer.get("calls", [])
        for end in range(1, max((len(call[1]) for call in calls), default=0) + 1, 4):
            lines.append({**lines[-1], "calls": [[name, text[:end]] for name, text in calls]})
        return [*lines, {**lines[-1], **answer, "cost": [7, 3]}]
