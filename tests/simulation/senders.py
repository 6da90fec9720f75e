"""Careful senders: whatever was not answered is sent again, with its key if it has one, until it is."""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tests.simulation.traffic import Request

PAUSE_SECONDS = 0.05


@dataclass(slots=True)
class Outbox:
    """Requests that were not answered yet. `answered` counts verdicts; `acknowledged`: ids that a receipt
    calls accepted or a duplicate."""

    token: str
    waiting: list[Request] = field(default_factory=list)
    acknowledged: set[str] = field(default_factory=set)
    answered: Counter[str] = field(default_factory=Counter)
    unanswered: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def send(self, port: int, *, senders: int, until: float, stop: Callable[[], bool]) -> None:
        """Several at once until all is answered or the time is over; what is left waits for the next."""
        threads = [threading.Thread(target=self._sender, args=(port, until, stop)) for _ in range(senders)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _sender(self, port: int, until: float, stop: Callable[[], bool]) -> None:
        while time.monotonic() < until and not stop():
            with self._lock:
                if not self.waiting:
                    return
                request = self.waiting.pop()
            times = 2 if request.again else 1
            if not all(self._post(port, request, again=number > 0) for number in range(times)):
                with self._lock:
                    self.waiting.append(request)
                time.sleep(PAUSE_SECONDS)

    def _post(self, port: int, request: Request, *, again: bool) -> bool:
        """Whether it was answered."""
        headers = {"authorization": f"Bearer {self.token}", "content-type": "application/x-ndjson"}
        if request.key is not None:
            headers["idempotency-key"] = request.key
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            connection.request("POST", "/v1/events", request.body(), headers)
            answer = connection.getresponse()
            said = answer.read()
        except (OSError, http.client.HTTPException):
            with self._lock:
                self.unanswered += 1
            return False
        finally:
            connection.close()
        if answer.status in (429, 503):
            return False
        assert answer.status == 200, (answer.status, said[:500])
        self._take(request, json.loads(said), again=again)
        return True

    def _take(self, request: Request, receipt: dict[str, object], *, again: bool) -> None:
        refused = {}
        listed = receipt["not_accepted"]
        assert isinstance(listed, Sequence)
        for each in listed:
            refused[each["index"]] = each["verdict"]
        with self._lock:
            for name in ("accepted", "duplicate", "conflict", "quarantined"):
                self.answered[name] += receipt[name]  # type: ignore[call-overload]
            self.answered["sent again"] += again
            for place, said in enumerate(request.said):
                if refused.get(place, "duplicate") == "duplicate":
                    self.acknowledged.add(said.id)


def shuffled(requests: Sequence[Request], chance: random.Random) -> list[Request]:
    found = list(requests)
    chance.shuffle(found)
    return found
