"""A loom: the server of the invented format `loom` (operator/homes/loom). Threads by letters, woven into one array.

It pulls the levers that the asker names; given what came of them, it says that; shown images, it counts their bytes;
else it repeats the asker's words. The word `knot` makes it fail, `moth` in the middle of a stream.
"""

from __future__ import annotations

import json
from itertools import zip_longest
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import jsonschema_rs
import yaml
from providers.vendor_server import Received, Refused, Reply, VendorServer, arguments_for, shreds

KEY = "thread/and+needle"
SCHEMAS = yaml.safe_load((Path(__file__).parents[1] / "operator/homes/loom/loom.schemas.yaml").read_text("utf-8"))
REQUEST = jsonschema_rs.validator_for({**SCHEMAS, "$ref": "#/$defs/request"})
SPENT = {"warp": 7, "weft": 3}


class LoomServer(VendorServer):
    """Serves POST /weave and GET /patterns, both with the key as a parameter."""

    one_byte = False

    def refusal(self, refused: Refused) -> Reply:
        return Reply(refused.status, {"snag": {"no": refused.more["number"], "why": refused.message}})

    def reply(self, request: Received) -> Reply:
        if parse_qs(request.query).get("thread") != [KEY]:
            raise Refused(401, "No thread.", number=-20)
        if request.path == "/patterns":
            return Reply(200, {"patterns": ["twill", "satin/5"]})
        if request.path != "/weave" or request.headers.get("x-pattern") not in ("twill", "satin/5"):
            raise Refused(404, f"No pattern {request.headers.get('x-pattern')}.", number=-30)
        body = request.body
        if not REQUEST.is_valid(body):
            raise Refused(400, "Not a cloth.", number=-10)
        if "knot" in str(body["cloth"][-1]):
            raise Refused(503, "A knot.", number=-40)
        threads = self.threads(body)
        end = -3 if any("lever" in thread for thread in threads.values()) else -1
        if not body.get("live"):
            return Reply(200, {"threads": threads, "end": end, "spent": SPENT})
        elements = [*self.woven(threads), {"end": end, "spent": SPENT}]
        if "moth" in str(body["cloth"][-1]):
            elements[-1] = {"snag": {"no": -40, "why": "A moth."}}
        raw = json.dumps(elements, ensure_ascii=False).encode()
        events = [raw[at : at + 1] for at in range(len(raw))] if self.one_byte else [raw[:40], raw[40:]]
        return Reply(200, events=events, headers={"content-type": "application/json"})

    @staticmethod
    def threads(body: Any) -> dict[str, Any]:
        last = body["cloth"][-1]
        if last["by"] == "loom":
            told = [pull.get("gave") or f"tore: {pull['tore']}" for pull in last["pulls"].values()]
            return {"a": {"words": "; ".join(told)}}
        seen = [len(body["gallery"][one["see"]]["hex"]) // 2 for one in last["says"] if isinstance(one, dict)]
        if seen:
            return {"a": {"words": f"bytes: {seen}"}}
        said = " ".join(last["says"])
        wanted = [name for name in body.get("levers", {}) if name in said]
        if not wanted or body.get("wait"):
            return {"a": {"words": said}}
        pulls = [{"lever": name, "with": arguments_for(body["levers"][name]["form"], at)} for at, name in enumerate(wanted)]
        return dict(zip("abcdef", [{"muses": "Which lever?"}, {"words": "One moment."}, *pulls], strict=False))

    @staticmethod
    def woven(threads: dict[str, Any]) -> list[Any]:
        """Threads one after the other, but those of levers woven into each other."""
        elements: list[Any] = []
        rows: list[list[Any]] = []
        for letter, thread in threads.items():
            if "lever" in thread:
                elements.append({"of": letter, "lever": thread["lever"]})
                rows.append([{"of": letter, "+": shred} for shred in shreds(json.dumps(thread["with"]), 4)])
            else:
                kind, text = next(iter(thread.items()))
                elements += [{"of": letter, "is": kind}, *({"of": letter, "+": shred} for shred in shreds(text, 3))]
        return elements + [shred for row in zip_longest(*rows) for shred in row if shred]
