"""A noun whose verbs stand beside the files that it takes without a verb: `tieout ingest FILE...`, and
`tieout ingest status`. A file that is named like a verb is given as `./status`.
"""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup

FILES = "FILE..."
"""The name under which the command is kept that runs where no verb is named; nobody types it."""


class FilesOrVerbs(TyperGroup):
    """What is no verb and no plea for help goes to the command for files."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        verb = args[0] if args else None
        if verb not in self.list_commands(ctx) and verb not in ctx.help_option_names:
            args = [FILES, *args]
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: Any) -> list[str]:
        return [name for name in super().list_commands(ctx) if name != FILES]

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, command, rest = super().resolve_command(ctx, args)
        return "" if name == FILES else name, command, rest

    def collect_usage_pieces(self, ctx: Any) -> list[str]:  # noqa: ARG002 (as typer calls it)
        return ["[OPTIONS] FILES... | VERB [ARGS]..."]

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """The options for files, then the verbs."""
        own = self.params
        self.params = [*self.commands[FILES].params, *own]
        try:
            super().format_help(ctx, formatter)
        finally:
            self.params = own
