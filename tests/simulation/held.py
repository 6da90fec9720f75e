"""What a product is answered when it asks before it serves."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterable, Iterator

from tests.simulation.findings import HOLDS_BELOW, HOLDS_PERIOD
from tests.simulation.naive import Naive


def of_entitlements(port: int, token: str, naive: Naive, chosen: Iterable[str]) -> Iterator[str]:
    """`chat` is refused to who is held for tokens, everything to who is held for calls."""
    below, month = naive.standing(HOLDS_BELOW), naive.standing(HOLDS_PERIOD)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for key in chosen:
        connection.request("GET", f"/v1/entitlements/{key}", headers={"authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        said = json.loads(answer.read())
        if answer.status != 200:
            yield f"entitlements of {key}: {answer.status} {said}"
            continue
        allowed = {each["feature"]: each["allowed"] for each in said["entitlements"]}
        wanted = {"chat": key not in below | month, "search": key not in month}
        if allowed != wanted:
            yield f"entitlements of {key}: {allowed}, and should be {wanted}"
    connection.close()
