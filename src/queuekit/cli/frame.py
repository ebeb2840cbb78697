"""The form of every command: how its help is laid out, and what its options may say."""

from __future__ import annotations

import importlib
import inspect
import re
from typing import Any

import click

from queuekit.cli.asked import Asked
from queuekit.suggest import did_you_mean


class CommonOption(click.Option):
    """An option that all commands share: it goes to `Asked`, not to the command, and its help
    stands below the command's own.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, expose_value=False, callback=_note, **kwargs)


def _note(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    if value and param.name and not ctx.resilient_parsing:
        ctx.ensure_object(Asked).note(param.name, value)


class Command(click.Command):
    """A command. In its docstring, a paragraph that begins with ``Example`` keeps its lines."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.help is not None:
            text = inspect.cleandoc(self.help)
            self.help = re.sub(r"^(?=Examples?:$)", "\b\n", text, flags=re.MULTILINE)

    def get_help_option_names(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """The same everywhere; click would keep those of the first context that asks."""
        return ["-h", "--help"]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Its own options, then those that all commands share: in full in the overview alone."""
        options = [param for param in self.get_params(ctx) if isinstance(param, click.Option)]
        shared = [option for option in options if isinstance(option, CommonOption)]
        own = [option for option in options if option not in shared]
        for title, section in (("Options", own), ("Common options", shared)):
            records = [record for option in section if (record := option.get_help_record(ctx))]
            if not records:
                continue
            with formatter.section(title):
                if section is own or ctx.parent is None:
                    formatter.write_dl(records)
                else:
                    names = ", ".join(min(option.opts, key=len) for option in shared)
                    formatter.write_text(f"{names} (see: {ctx.find_root().command_path} --help)")

    def invoke(self, ctx: click.Context) -> Any:
        """Run it, unless it was asked for a form that it does not have."""
        if ctx.ensure_object(Asked).json and not any(p.name == "json" for p in self.params):
            raise click.UsageError("this command has no --json form", ctx)
        return super().invoke(ctx)


class Group(Command, click.Group):
    """A word with commands below it. Without one it shows them, and that is wrong use."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Show the help if there is nothing else to do."""
        if not args and not ctx.resilient_parsing:
            click.echo(ctx.get_help(), err=True, color=ctx.color)
            ctx.exit(2)
        return super().parse_args(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands first: they are what one looks for."""
        self.format_commands(ctx, formatter)
        Command.format_options(self, ctx, formatter)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command of that name, or the one that was meant."""
        name = args[0]
        if self.get_command(ctx, name) is None and not ctx.resilient_parsing:
            near = did_you_mean(name, self.list_commands(ctx))
            raise click.UsageError(f"no such command {name!r}{near}", ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command below; only that one knows its forms."""
        return click.Group.invoke(self, ctx)


class LazyGroup(Group):
    """A group whose commands are imported when they are called; its overview needs none of them.

    `sections` maps a heading to its commands, and each to its line in the overview. The module of
    the same name in this package holds it, as ``command``.
    """

    sections: dict[str, dict[str, str]] = {}  # noqa: RUF012 - set once, by the subclass's maker

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """All that the overview names."""
        return [name for commands in self.sections.values() for name in commands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported."""
        if cmd_name not in self.list_commands(ctx):
            return None
        name = f"queuekit.cli.{cmd_name}"
        try:
            command: click.Command = importlib.import_module(name).command
        except ModuleNotFoundError as missing:
            if missing.name != name:
                raise
            raise click.UsageError(f"{cmd_name} is not part of this release", ctx) from None
        return command

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
        formatter: click.HelpFormatter,
    ) -> None:
        """The overview, by what people do."""
        room = max(len(name) for commands in self.sections.values() for name in commands)
        for title, commands in self.sections.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(room), line) for name, line in commands.items()])
