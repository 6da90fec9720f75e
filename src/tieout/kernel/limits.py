"""Every limit of the core has a name here, so that it can be stated, tested and found. Units come last."""

from __future__ import annotations

from typing import Final

# identities and other names, in characters
ID_LENGTH_MAX: Final = 128
SOURCE_LENGTH_MAX: Final = 256
SUBJECT_LENGTH_MAX: Final = 256
TYPE_LENGTH_MAX: Final = 128
KEY_LENGTH_MAX: Final = 128
TIMESTAMP_LENGTH_MAX: Final = 64

# free texts, in bytes of UTF-8
STRING_LENGTH_MAX: Final = 8_192
"""One text field of an event, and one text of the catalog."""

# one item
ITEM_BYTES_MAX: Final = 1_048_576
NESTING_MAX: Final = 32
FIELDS_MAX: Final = 64
ENUM_VALUES_MAX: Final = 1_000

# one request
REQUEST_ITEMS_MAX: Final = 10_000
"""Items, or lines of NDJSON, that one request may bring and one receipt answers for."""
IDEMPOTENCY_KEY_LENGTH_MAX: Final = 255

# numbers, in decimal digits
INTEGER_DIGITS_MAX: Final = 18
FRACTION_DIGITS_MAX: Final = 12
AMOUNT_INTEGER_DIGITS_MAX: Final = 18
AMOUNT_FRACTION_DIGITS_MAX: Final = 18
EXACT_TEXT_PLACES_MAX: Final = 30

# time
FUTURE_SECONDS_MAX: Final = 300
"""An event may lie this far in the future; senders' clocks are not perfect."""

# usage
GROUPS_PER_SNAPSHOT_MAX: Final = 100_000
"""Groups into which one snapshot may be broken down; beyond it the account parks."""

RECORDS_ON_DOCUMENT_MAX: Final = 20
"""Groups, or opening states, of a snapshot that an invoice's document lists; of more it gives the digest."""

# the catalog
TIERS_MAX: Final = 100
CELLS_MAX: Final = 1_000
"""Of one matrix."""
DISCOUNTS_MAX: Final = 100
"""Of one price."""
PERCENT_MAX: Final = 1_000
"""A price may ask for more than the amount itself (cost plus a margin), not for more than ten times that."""
DISCOUNT_PERCENT_MAX: Final = 100
"""A discount of a price or a coupon takes off no more than there is."""
TAX_PERCENT_MAX: Final = 100
PRICES_PER_PLAN_MAX: Final = 1_000
CADENCE_DAYS_MAX: Final = 3_660
CADENCE_MONTHS_MAX: Final = 120
PHASES_MAX: Final = 1_000
COMMITMENTS_MAX: Final = 100
COUPONS_MAX: Final = 100
"""Attached to one customer, or to one subscription."""
COUPON_PERIODS_MAX: Final = 1_200
COUPON_USES_MAX: Final = 1_000
TAXES_MAX: Final = 20
THRESHOLDS_MAX: Final = 20
ALERT_TARGETS_MAX: Final = 20
GROWTH_WINDOWS_MAX: Final = 90
FEATURES_MAX: Final = 200
"""Named by one customer or seller."""

# the working of one charge
EVENT_STEPS_MAX: Final = 100
"""Distinct events that are shown one by one where a price rates each event; the rest are one step."""
