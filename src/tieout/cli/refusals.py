"""What the command line itself refuses; every other refusal comes from the rule it breaks."""

from __future__ import annotations

from pathlib import Path

from tieout.kernel.errors import NotFound, Refusal, shown


class Unnamed(NotFound):
    """Nothing of that kind has that name here."""

    def __init__(self, what: str, name: str) -> None:
        super().__init__(f"There is no {what} {shown(name)} here.")


class NotADemoHome(Refusal):
    """The demo removes only a folder that it made itself."""

    code = "not-a-demo-home"

    def __init__(self, folder: Path, marker: str) -> None:
        super().__init__(
            f"{folder} exists and was not made by the demo (no {marker} in it); it is left as it is."
        )


class NoRealData(NotFound):
    """The folder holds none of the data sets that the demo knows."""

    code = "no-real-data"

    def __init__(self, folder: Path, names: tuple[str, ...]) -> None:
        super().__init__(f"{folder} holds none of {', '.join(names)}.")


class MalformedOption(Refusal):
    """An option's text is not what the option takes."""

    code = "malformed-option"

    def __init__(self, option: str, why: str) -> None:
        super().__init__(f"{option}: {why}.")
