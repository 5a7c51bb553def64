"""A pool: the server of the invented format `tidepool` (operator/homes/tidepool), strict about what it is asked.

With instruments named in the diver's words it uses each of them, interleaved when it streams; given what they brought,
it says that; else it repeats the diver's words. Asked for depth it muses first, and seals each muse; a muse that comes
back with another seal than its own is refused. A word can make it fail: `storm`, `crowd`, `undertow` (inside a 200, or
in the middle of a stream), `whirl` (the stream breaks off).
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import jsonschema_rs
import yaml
from providers.vendor_server import Received, Refused, Reply, VendorServer, arguments_for, shreds

KEY = "sesame/open+now"
SCHEMAS = yaml.safe_load((Path(__file__).parents[1] / "operator/homes/tidepool/tidepool.schemas.yaml").read_text("utf-8"))
MUSE = "What lies below?"
METER = {"fresh": 5, "warm": 3, "said": 2, "pondered": 4}
NDJSON = {"content-type": "application/x-ndjson"}


def validator(name: str) -> Any:
    return jsonschema_rs.validator_for({**SCHEMAS, "$ref": f"#/$defs/{name}"})


REQUEST, RESPONSE, LINE = validator("request"), validator("response"), validator("line")


def seal(muse: str | None) -> str:
    return "~" + hashlib.sha256((muse or "hidden").encode()).hexdigest()[:20]


class TidepoolServer(VendorServer):
    """Serves POST /reef/{strand}/converse and GET /reef, both with the key as a parameter."""

    one_byte = False
    """Whether streams are cut into single bytes."""

    def refusal(self, refused: Refused) -> Reply:
        mishap = {"sort": refused.more["sort"], "cause": refused.message, **refused.more.get("told", {})}
        return Reply(refused.status, {"mishap": mishap}, headers={"x-echo": "e-refused"})

    def refusal_of(self, status: int, sort: str, cause: str) -> Reply:
        return self.refusal(Refused(status, cause, sort=sort))

    def reply(self, request: Received) -> Reply:
        if parse_qs(request.query).get("pass") != [KEY]:
            raise Refused(460, "Who goes there?", sort="stranger")
        if request.path == "/reef":
            strands = {"abyss-1": {"title": "Abyss One", "since": "2025-05-01T00:00:00Z", "keeper": "The lab"}, "shoal": {}}
            return Reply(200, {"strands": strands})
        reef, strand, converse = request.path.strip("/").split("/")
        if (reef, converse) != ("reef", "converse") or strand not in ("abyss-1", "shoal"):
            raise Refused(404, f"There is no strand {strand}.", sort="absent")
        self.check(request.body)
        return self.told(strand, request.body)

    def check(self, body: Any) -> None:
        try:
            REQUEST.validate(body)
        except jsonschema_rs.ValidationError as error:
            raise Refused(400, error.message, sort="muddle", told={"where": str(error.instance_path)}) from error
        for bit in (bit for turn in body["turns"] for bit in turn["bits"]):
            if "seal" in bit and bit["seal"] != seal(bit.get("muse")):
                raise Refused(400, "That muse is not mine.", sort="muddle")
        held = [bit["use"]["grip"] for turn in body["turns"] for bit in turn["bits"] if "use" in bit]
        brought = [bit["brought"]["grip"] for turn in body["turns"] for bit in turn["bits"] if "brought" in bit]
        if sorted(held) != sorted(brought):
            raise Refused(400, "What was held was not brought.", sort="muddle")

    def told(self, strand: str, body: Any) -> Reply:
        said = " ".join(bit["say"] for bit in body["turns"][-1]["bits"] if "say" in bit)
        if "storm" in said:
            raise Refused(521, "The pool is shaken.", sort="storm")
        if "crowd" in said:
            raise Refused(420, "Too many divers.", sort="crowded", told={"wait_ms": 1500})
        head = {"echo": "e-77", "strand": strand}
        bits, ebb = self.answer(body, said)
        answer = {**head, "bits": bits, "ebb": ebb, "meter": METER}
        RESPONSE.validate(answer)
        headers = {"x-echo": "e-77", "x-swell-left": "9", "x-private": "no"}
        mishap = {"sort": "swamped", "cause": "An undertow."}
        if not body.get("live"):
            return Reply(200, {"mishap": mishap} if "undertow" in said else answer, headers=headers)
        lines = [{"k": "open", **head}, {"k": "meter", "meter": {"fresh": 5, "warm": 3}}, *self.lines(bits)]
        if "whirl" not in said:
            lines += ([{"k": "mishap", "mishap": mishap}] if "undertow" in said else
                      [{"k": "ebb", "why": ebb}, {"k": "meter", "meter": {"said": 2, "pondered": 4}}])  # fmt: skip
        for line in lines:
            LINE.validate(line)
        raw = b"".join(json.dumps(line, ensure_ascii=False).encode() + b"\n" for line in lines)
        events = [raw[at : at + 1] for at in range(len(raw))] if self.one_byte else raw.splitlines(keepends=True)
        return Reply(200, events=events, headers={**headers, **NDJSON})

    def answer(self, body: Any, said: str) -> tuple[list[Any], str]:
        muses: list[Any] = []
        if body.get("dials", {}).get("depth"):
            muses = [{"muse": MUSE, "seal": seal(MUSE)}, {"seal": seal(None)}]
        last = body["turns"][-1]
        if last["who"] == 3:
            brought = [bit["brought"] for bit in last["bits"]]
            words = "; ".join(("broken " if one.get("broken") else "") + one["bits"][0]["say"] for one in brought)
            return [*muses, {"say": f"Brought: {words}"}], "rest"
        wanted = [tool for tool in body.get("instruments", []) if tool["label"] in said]
        if body.get("hands") == "still":
            wanted = []
        if wanted:
            uses = [{"use": {"grip": f"g{number}", "label": tool["label"], "with": arguments_for(tool["shape"], number)}}
                    for number, tool in enumerate(wanted)]  # fmt: skip
            return [*muses, *uses], "use"
        shown = sum("show" in bit for turn in body["turns"] for bit in turn["bits"])
        return [*muses, {"say": said + (f" ({shown} shown)" if shown else "")}], "rest"

    @staticmethod
    def lines(bits: list[Any]) -> list[Any]:
        """The bits as lines: words and muses in shreds, uses side by side."""
        lines: list[Any] = [{"k": "tick"}]
        uses = [bit["use"] for bit in bits if "use" in bit]
        for bit in bits:
            if "muse" in bit:
                lines += [{"k": "muse", "t": piece} for piece in shreds(bit["muse"])] + [{"k": "muse", "seal": bit["seal"]}]
            elif "seal" in bit:
                lines.append({"k": "veiled", "seal": bit["seal"]})
            elif "say" in bit:
                lines += [{"k": "say", "t": piece} for piece in shreds(bit["say"], 3)]
        lines += [{"k": "use", "grip": use["grip"], "label": use["label"]} for use in uses]
        pieces = [[(use["grip"], piece) for piece in shreds(json.dumps(use["with"]), 4)] for use in uses]
        for row in range(max(map(len, pieces), default=0)):
            lines += [{"k": "with", "grip": column[row][0], "bit": column[row][1]} for column in pieces if row < len(column)]
        return lines
