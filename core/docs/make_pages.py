"""`python core/docs/make_pages.py`: writes the pages of core/docs that are made from the code.

files.md     what every file is for, from the first line of its docstring
commands.md  every command and its options, as the command line has them
settings.md  every setting of a training, with its default and unit
"""

import ast
import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parents[1]
_NOT_SHOWN = ("__init__.py", "__main__.py")


def first_line(path: Path) -> str:
    """The first sentence of a module's docstring, on one line."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return " ".join(text.split("\n\n")[0].split())


def files_page() -> str:
    """The page files.md."""
    lines = [
        "# The files",
        "",
        "What each is for, in its own first line. `core/docs/make_pages.py` writes this page.",
    ]
    for root in (ROOT / "core" / "overread", ROOT / "app" / "overread_app"):
        modules = [path for path in root.rglob("*.py") if path.name not in _NOT_SHOWN and "versions" not in path.parts]
        for folder in sorted({path.parent for path in modules}):
            name = folder.relative_to(ROOT).as_posix()
            lines += ["", f"## [{name}/](../../{name})", "", "| file | |", "| --- | --- |"]
            here = sorted(path for path in modules if path.parent == folder)
            lines += [f"| {path.name} | {first_line(path).replace('|', '&#124;')} |" for path in here]
    return "\n".join(lines) + "\n"


def commands_page() -> str:
    """The page commands.md."""
    import typer

    sys.path.insert(0, str(ROOT / "core"))
    from overread.cli.main import app

    lines = [
        "# Commands",
        "",
        "Every command has `--help`. With `--json` it prints one JSON object on standard output and nothing else. Exit "
        "status 0 means that all went well, 2 that there is something for you to mend, said in one line, and 1 that "
        "Overread failed. In a clone, `python -m core COMMAND` is `overread COMMAND`. `core/docs/make_pages.py` "
        "writes this page.",
    ]
    for name, command in typer.main.get_command(app).commands.items():
        arguments = [each.metavar or each.name.upper() for each in command.params if each.param_type_name == "argument"]
        usage = " ".join(["overread", name, *arguments, "[OPTIONS]"])
        lines += ["", f"## {name}", "", " ".join((command.help or "").split()), "", "```", usage, "```"]
        options = [each for each in command.params if each.param_type_name == "option"]
        if options:
            lines += ["", "| option | what it does | default |", "| --- | --- | --- |"]
            lines += [f"| `{' / '.join(o.opts)}` | {o.help or ''} | {_default(o)} |" for o in options]
    return "\n".join(lines) + "\n"


def settings_page() -> str:
    """The page settings.md."""
    sys.path.insert(0, str(ROOT / "core"))
    from overread.setting_list import every_setting, section_meanings

    lines = [
        "# Settings",
        "",
        "Each is changed by `train --set SECTION.FIELD=VALUE`, a list as `4,7,7`, and stands in the run's config.json. "
        "Defaults are those of preset overread, followed by those of presets that differ. On a CPU every preset takes "
        "the narrow encoder at 64 px. `core/docs/make_pages.py` writes this page.",
    ]
    settings = every_setting()
    for section, meaning in section_meanings().items():
        lines += ["", f"## {section}", "", meaning, "", "| setting | default | what it does |", "| --- | --- | --- |"]
        here = [each for each in settings if each.section == section]
        lines += [f"| `{section}.{each.name}` | {each.default} | {each.meaning} |" for each in here]
    return "\n".join(lines) + "\n"


def _default(option: object) -> str:
    """An option's default, in words."""
    if option.required:
        return "needed"
    if isinstance(option.show_default, str):
        return option.show_default
    return "" if option.default in (None, False) else f"`{option.default}`"


PAGES = {"files.md": files_page, "commands.md": commands_page, "settings.md": settings_page}
"""Each page, and what makes it."""


def main() -> None:
    """Write every page."""
    for name, make in PAGES.items():
        (DOCS / name).write_text(make(), encoding="utf-8")


if __name__ == "__main__":
    main()
