"""The pages of core/docs that Help shows: their sections, and the search in them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
NAMES = ("guide", "scores", "questions", "method", "outputs")
"""The pages, in order."""
_FENCE = re.compile(r"^(```|~~~)")
_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)\s]+)\)")


@dataclass(frozen=True, slots=True)
class Section:
    """What stands under one heading of a page."""

    page: str
    """The page's name, as in NAMES."""
    page_title: str
    title: str
    """The page's own for what stands before its first heading."""
    text: str
    """Markdown, without the heading."""

    @property
    def anchor(self) -> str:
        """Unique over all pages, for links within Help."""
        return anchor_of(self.page, self.title)


def docs_folder() -> Path:
    """The Markdown files: a wheel brings them in the package, a clone has them in core/docs."""
    packaged = PACKAGE / "docs"
    return packaged if packaged.is_dir() else PACKAGE.parents[1] / "core" / "docs"


def load_sections() -> list[Section]:
    """All sections of all pages, in order."""
    return [section for name in NAMES for section in split_page(name, _page_text(name))]


def split_page(name: str, text: str) -> list[Section]:
    """The sections of a page: one for each heading of the second level, and one for what stands before the first.

    Raises ValueError where the page has no title.
    """
    first, *lines = text.strip().splitlines()
    if not first.startswith("# "):
        raise ValueError(f"{name}.md does not begin with a title")
    page_title = first.removeprefix("# ")
    parts: list[tuple[str, list[str]]] = [(page_title, [])]
    is_code = False
    for line in lines:
        is_code ^= bool(_FENCE.match(line))
        if line.startswith("## ") and not is_code:
            parts.append((line.removeprefix("## "), []))
        else:
            parts[-1][1].append(line)
    sections = [Section(name, page_title, title, _relinked("\n".join(body).strip())) for title, body in parts]
    return sections if sections[0].text else sections[1:]


def find_sections(sections: Sequence[Section], query: str) -> list[Section]:
    """The sections that contain every word of the query, in upper or lower case; those with all in the title first."""
    words = query.lower().split()
    found = [each for each in sections if all(word in f"{each.title}\n{each.text}".lower() for word in words)]
    return sorted(found, key=lambda each: not all(word in each.title.lower() for word in words))


def anchor_of(page: str, title: str = "") -> str:
    """The anchor of a section: guide-your-name."""
    return f"{page}-{re.sub(r'[^a-z0-9]+', '-', title.lower()).strip('-')}"


def _page_text(name: str) -> str:
    return (docs_folder() / f"{name}.md").read_text(encoding="utf-8")


def _relinked(text: str) -> str:
    """Links to pages of Help lead within it; of those to other files, which are not here, the words stay."""

    def replaced(found: re.Match[str]) -> str:
        words, target = found.groups()
        if "://" in target:
            return found[0]
        page = target.partition("#")[0].removesuffix(".md")
        return f"[{words}](#{page})" if page in NAMES else words

    parts = re.split(r"(^```.*?^```)", text, flags=re.MULTILINE | re.DOTALL)
    return "".join(part if part.startswith("```") else _LINK.sub(replaced, part) for part in parts)
