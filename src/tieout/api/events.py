"""`POST /v1/events`: from a request to its receipt. The hot path: an ASGI callable, without a framework."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tieout.api.access import roles_for
from tieout.api.answers import Headers, HttpAnswer, Problem, busy, unavailable
from tieout.api.asgi import Receive, Scope, Send
from tieout.api.body import encoding_of, read_body, unpack
from tieout.api.group_commit import GroupCommit
from tieout.api.keyring import NOBODY, Keyring, KnownKey
from tieout.api.limits import PATIENT_BYTES_MAX
from tieout.api.refusals import Refusals
from tieout.api.request import form_of, idempotency_of, parcel_of
from tieout.api.room import Place, Room
from tieout.kernel.errors import Unavailable
from tieout.ports import Idempotency, IdempotencyClash, Receipt, ReceivedRequest

PATH = "/v1/events"
REPLAYED = ((b"idempotent-replayed", b"true"),)


class EventsEndpoint:
    """Everything between the request line and the receipt."""

    def __init__(
        self,
        group_commit: GroupCommit,
        keyring: Keyring,
        refusals: Refusals,
        *,
        is_behind: Callable[[], bool],
    ) -> None:
        self._group_commit = group_commit
        self._keyring = keyring
        self._refusals = refusals
        self._is_behind = is_behind
        self._room = Room()
        self._roles = roles_for("POST", PATH)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = await self.answer(scope, receive)
        await send(answer.start())
        await send({"type": "http.response.body", "body": answer.body})

    async def answer(self, scope: Scope, receive: Receive) -> HttpAnswer:
        """Never raises a `Problem`: it is answered, and counted."""
        key_id: str = NOBODY
        try:
            headers: Headers = scope["headers"]
            known = self._keyring.admitted(headers, self._roles)
            key_id = known.key.key_id
            if self._is_behind():
                raise busy("log-behind", "The log has too much to tidy up; send it again later.")
            with self._room.place() as place:
                return await self._received(headers, receive, known, place)
        except Problem as problem:
            self._refusals.count(problem.key_id or key_id, problem.code)
            return problem.answer()

    async def _received(
        self, headers: Headers, receive: Receive, known: KnownKey, place: Place
    ) -> HttpAnswer:
        named = dict(headers)
        form = form_of(headers, named)
        is_packed = encoding_of(named)
        body = await read_body(receive, named, place)

        def taken_apart() -> ReceivedRequest:
            return _request(form, headers, unpack(body) if is_packed else body, known)

        if is_packed or len(body) > PATIENT_BYTES_MAX:
            request = await asyncio.to_thread(taken_apart)
        else:
            request = taken_apart()
        place.hold(len(request.parcel.content))
        outcome = await self._group_commit.submit(request)
        match outcome:
            case Receipt(text=text, is_replay=is_replay):
                return HttpAnswer(200, text, headers=REPLAYED if is_replay else ())
            case IdempotencyClash():
                detail = "This Idempotency-Key came with another request before; nothing was received."
                raise Problem(409, "idempotency-clash", detail)
            case Unavailable():
                raise unavailable(outcome.code, str(outcome))


def _request(form: bytes, headers: Headers, body: bytes, known: KnownKey) -> ReceivedRequest:
    idempotency: Idempotency | None = idempotency_of(form, headers, body)
    parcel = parcel_of(form, headers, body)
    return ReceivedRequest(known.key.key_id, known.scope, parcel, idempotency)
