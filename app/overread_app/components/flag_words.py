"""What the import's messages say of its flags, in the words of the form's fields."""

import re

from overread.sources import registry
from overread.sources.request import column_flag
from overread_app.components.column_fields import COLUMNS
from overread_app.components.label_fields import FIELDS

_OF_FORMATS = [option for format in registry.FORMATS for place in format.label_places for option in place.options]
TITLES = {
    **{option.flag: option.title for option in _OF_FORMATS},
    **{field.flag: field.title for field in reversed(FIELDS)},  # of two for one flag, the first
    **{column_flag(kind): title for kind, (title, _) in COLUMNS.items()},
    column_flag("raters"): "Rater columns",
    "--format": "Format",
    "--labels": "Labels file",
}
"""The titles of the fields that ask for the flags."""
_FLAG = re.compile(r"(?<![\w-])(--[a-z]+(?:-[a-z]+)*)(?: (FILE|NAME|N)\b| (\d+|folder)\b)?")
"""A flag, and its value where it says which: --labels FILE, --label-folder 5, --format folder."""


def in_form_words(text: str) -> str:
    """A message in which the flags of `import` are named as the form names their fields: “Format”."""
    return _FLAG.sub(_title, text)


def _title(found: re.Match[str]) -> str:
    flag, _, value = found.groups()
    if flag not in TITLES:
        return found[0]
    format = registry.find_format(value) if value else None
    return f"“{TITLES[flag]}: {format.title if format else value}”" if value else f"“{TITLES[flag]}”"
