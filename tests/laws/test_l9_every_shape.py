"""L9: every shape, grouped, bounded and rated event by event, gives the same bytes in any hash seed and order
of events."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SCRIPT = """
import random, sys
from dataclasses import replace
from tests.records import price
from tests.unit.contract.price_sample import price_of
from tests.usage import charged, snapshot_of, used
from tieout.rate.charge import group_text, steps_text
from tieout.rate.needs import breakdown_of

events = [
    used(f"{number % 7 - 1}.5", amount=f"{number % 5}.25", model=("large", "small")[number % 2], region=place)
    for number, place in enumerate(["eu", "us", "ap", "eu"] * 20)
] + [used("1000.000000000001", amount="3", model="large")]
random.Random(int(sys.argv[1])).shuffle(events)
keys = ("volume", "package", "graduated-percentage", "percentage", "dynamic", "matrix", "per-unit")
for key in keys:
    each = price_of(key)
    each = replace(each, meter=price(each.shape).meter)
    for one in (each, replace(each, group_by=("model", "region")), replace(each, per_event=True)):
        for charge in charged(one, snapshot_of(events, breakdown_of(one))):
            print(key, group_text(charge.group), charge.quantity, charge.amount, steps_text(charge.steps))
"""


def text_under(*, seed: str, order: str) -> bytes:
    environment = {
        **os.environ,
        "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}",
        "PYTHONHASHSEED": seed,
    }
    command = [sys.executable, "-c", SCRIPT, order]
    return subprocess.run(command, env=environment, capture_output=True, check=True, cwd=ROOT).stdout


def test_equal_bytes_for_every_shape_in_any_seed_and_order() -> None:
    found = {text_under(seed=seed, order=order) for seed, order in (("0", "1"), ("1", "2"), ("4242", "3"))}
    assert len(found) == 1
    assert found.pop().count(b"\n") > 40
