"""`python core/docs/make_pages.py`: writes the pages of core/docs that are made from the code.

files.md    what every file is for, from the first line of its docstring
"""

import ast
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


PAGES = {"files.md": files_page}
"""Each page, and what makes it."""


def main() -> None:
    """Write every page."""
    for name, make in PAGES.items():
        (DOCS / name).write_text(make(), encoding="utf-8")


if __name__ == "__main__":
    main()
