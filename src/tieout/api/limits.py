"""Every limit of the HTTP interface has its name here, beside `REQUEST_ITEMS_MAX` of `kernel.limits`."""

from __future__ import annotations

from typing import Final

# one request
BODY_BYTES_MAX: Final = 8 * 1_048_576
"""Of a body as it is sent, and of what gzip unpacks to: 413 beyond."""
HEADER_BYTES_MAX: Final = 65_536
"""Request line and headers together: 431 beyond."""
HEADER_SECONDS_MAX: Final = 10
"""From the first byte of a request to the end of its headers; then the connection is closed."""
BODY_SECONDS_MAX: Final = 20
"""From the end of the headers to the end of the body: 408 beyond."""
STATEMENT_BYTES_MAX: Final = 16_384
"""Of a control total: 413 beyond."""
PATIENT_BYTES_MAX: Final = 262_144
"""Bodies up to here are taken apart on the event loop; larger ones, and gzip, in a thread."""

# what waits
WAITING_BYTES_MAX: Final = 96 * 1_048_576
"""Bodies of requests that wait for their commit, in each process: 429 beyond."""
WAITING_REQUESTS_MAX: Final = 4_096
BACKLOG_BYTES_MAX: Final = 1 << 30
"""SQLite's write-ahead log: 429 while it is longer."""
RETRY_AFTER_SECONDS: Final = 1

# one page of events
PAGE_EVENTS: Final = 100
PAGE_EVENTS_MAX: Final = 1_000
WHERE_MAX: Final = 16
"""Attribute filters of one query."""
FINDS_AT_ONCE_MAX: Final = 2
"""Queries that one process answers at once; the others wait their turn."""

# live usage
USAGES_AT_ONCE_MAX: Final = 4
"""Answers from what is kept up that one process works on at once; the others wait their turn."""
WINDOWED_AT_ONCE_MAX: Final = 1
"""Answers that are counted over the log, by window or as of an earlier batch."""
ENTITLEMENTS_AT_ONCE_MAX: Final = 64
"""Questions about entitlements that are answered together; the others wait their turn."""
ENTITLEMENTS_BUSY_SECONDS: Final = 0.010
ENTITLEMENTS_LINGER_SECONDS: Final = 0.003
"""So soon after the last ones were answered, the next wait so long for others to come."""
STREAMS_MAX: Final = 256
"""Streams of live usage in one process: 429 beyond."""
CUSTOMER_STREAMS_MAX: Final = 16
"""Of these, those of one customer's own keys."""
STREAM_BYTES_MAX: Final = 262_144
"""Of one event of a stream, which is what waits for a reader that does not read: 413 beyond."""
STREAM_POLL_SECONDS: Final = 0.1
STREAM_REST_FACTOR: Final = 3
"""A round of answers is followed by a pause so many times as long."""
HEARTBEAT_SECONDS: Final = 10
STREAM_SECONDS_MAX: Final = 600
"""A stream ends then, and its reader comes again with its key."""

# one group commit
GROUP_REQUESTS_MAX: Final = 1_024
GROUP_ITEMS_MAX: Final = 32_768
GROUP_BYTES_MAX: Final = 16 * 1_048_576
OVERLAP_BYTES_MIN: Final = 524_288
"""With less waiting, the next group is gathered only when the present commit has ended."""
LINGER_SECONDS: Final = 0.008
LINGER_PERCENT: Final = 80
"""So long after a commit, at most, the next group waits for so much of what was under way to come back."""

# a server
UNREAD_SECONDS_MAX: Final = 30
"""An answer that waits to be read ends with its connection where READ_BYTES_MIN are not read for so long."""
READ_BYTES_MIN: Final = 4_096
CONNECTIONS_BACKLOG_MAX: Final = 2_048
KEEP_ALIVE_SECONDS: Final = 75
KEYS_SECONDS: Final = 0.5
"""API keys are read again so often."""
KEYS_AGE_SECONDS_MAX: Final = 10
"""Where they cannot be read, the last ones hold so long; then requests are answered 503."""
TICK_SECONDS: Final = 0.5
"""Counts of refused requests are stored, and the supervisor looked for, so often."""
SHUTDOWN_SECONDS_MAX: Final = 25
"""To answer what was taken in, once a server is told to end."""
START_SECONDS_MAX: Final = 30
TURN_AWAY_SECONDS: Final = 2
"""A process that cannot serve tells whoever waits to come again, for so long."""
TURN_AWAY_CLIENT_SECONDS: Final = 0.2
RESTART_SECONDS_MAX: Final = 5
"""The longest pause before a worker that keeps dying is started again."""
