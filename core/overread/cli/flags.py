"""Command-line flags from the fields of dataclasses: one parameter of the command for each group of flags."""

import inspect
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import wraps
from typing import Any


def with_flags(command: Callable[..., None]) -> Callable[..., None]:
    """The command as typer reads it: a flag for each field of those parameters that are dataclasses.

    Each field is annotated with its typer.Option, and has a default. No two may have the same name.
    """
    parameters = inspect.signature(command).parameters.values()
    groups: dict[str, Any] = {p.name: p.annotation for p in parameters if is_dataclass(p.annotation)}
    plain = [p.replace(kind=p.KEYWORD_ONLY) for p in parameters]
    flags = []
    for parameter in plain:
        if parameter.name in groups:
            own = fields(groups[parameter.name])
            flags += [parameter.replace(name=field.name, default=field.default, annotation=field.type) for field in own]
        else:
            flags.append(parameter)

    @wraps(command)
    def run(**values: object) -> None:
        for name, group in groups.items():
            values[name] = group(**{field.name: values.pop(field.name) for field in fields(group)})
        command(**values)

    setattr(run, "__signature__", inspect.Signature(flags))  # noqa: B010 - typer reads it, and mypy knows no such attribute
    run.__annotations__ = {flag.name: flag.annotation for flag in flags}
    return run
