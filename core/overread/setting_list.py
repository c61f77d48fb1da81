"""Every setting with its section, default and meaning, read from the dataclasses that hold them."""

import ast
import inspect
import textwrap
from dataclasses import dataclass, fields
from typing import Any

from overread.config import DEFAULT_PRESET, PRESETS, TrainSettings


@dataclass(frozen=True)
class Setting:
    """One setting."""

    section: str
    name: str
    kind: str
    """Its type, as annotated."""
    defaults: dict[str, Any]
    """By preset."""
    meaning: str
    """What it does, with its unit."""

    @property
    def default(self) -> str:
        """As --set takes it: of the default preset, followed by those of the presets that differ."""
        own = written(self.defaults[DEFAULT_PRESET])
        others: dict[str, list[str]] = {}
        for preset, value in self.defaults.items():
            if written(value) != own:
                others.setdefault(written(value), []).append(preset)
        differing = "; ".join(f"{', '.join(presets)}: {value}" for value, presets in others.items())
        return f"{own} ({differing})" if differing else own


def written(value: object) -> str:
    """A value as --set takes it, numbers to five digits."""
    match value:
        case bool():
            return str(value).lower()
        case float():
            return f"{value:.5g}"
        case tuple():
            return ",".join(map(written, value)) or "(none)"
    return str(value)


def section_meanings() -> dict[str, str]:
    """What each section is about, in the order of config.json."""
    return {name: _one_line(inspect.getdoc(type(values)) or "") for name, values in _sections().items()}


def every_setting() -> list[Setting]:
    """All settings, in the order of config.json."""
    found = []
    for section, values in _sections().items():
        meanings = _field_meanings(type(values))
        for each in fields(values):
            defaults = {preset: getattr(getattr(settings, section), each.name) for preset, settings in PRESETS.items()}
            found.append(Setting(section, each.name, str(each.type), defaults, meanings[each.name]))
    return found


def settings_text(width: int = 80) -> str:
    """All settings as plain text for a terminal of that width."""
    parts = [
        _wrapped(
            f"Settings, for --set SECTION.FIELD=VALUE, a list as 4,7,7. Defaults are those of preset {DEFAULT_PRESET} "
            "and, in brackets, of presets that differ. On a CPU every preset takes the narrow encoder at 64 px.",
            width,
        )
    ]
    settings = every_setting()
    for section, meaning in section_meanings().items():
        lines = [_wrapped(f"{section}: {meaning}", width, subsequent_indent="  ")]
        for each in settings:
            if each.section == section:
                line = f"{each.name} = {each.default}. {each.meaning}"
                lines.append(_wrapped(line, width, initial_indent="  ", subsequent_indent="      "))
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def _sections() -> dict[str, Any]:
    settings = PRESETS[DEFAULT_PRESET]
    return {each.name: getattr(settings, each.name) for each in fields(TrainSettings) if each.name != "preset"}


def _field_meanings(kind: type) -> dict[str, str]:
    """The docstring below each field of a dataclass."""
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(definition, ast.ClassDef)
    meanings = {}
    for statement, following in zip(definition.body, definition.body[1:], strict=False):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            match following:
                case ast.Expr(value=ast.Constant(value=str(text))):
                    meanings[statement.target.id] = _one_line(text)
    return meanings


def _wrapped(text: str, width: int, *, initial_indent: str = "", subsequent_indent: str = "") -> str:
    wrapper = textwrap.TextWrapper(width, initial_indent, subsequent_indent)
    wrapper.break_on_hyphens = wrapper.break_long_words = False
    return wrapper.fill(text)


def _one_line(text: str) -> str:
    return " ".join(text.split())
