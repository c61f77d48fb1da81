"""The words that a reader meets while reading, in each language: one catalogue, a JSON file for each of them.

A text may have places for values, as {name}. One that depends on a number has two forms, `one` and `other`.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

LANGUAGES = {"en": "English", "de": "Deutsch"}
"""The languages of the catalogue, by the code of BCP 47, and what they call themselves."""
LANGUAGE_COOKIE = "overread_language"
"""Where the browser keeps the language that its reader chose."""
_SEPARATORS = {"en": ",.", "de": ".,"}
"""Between thousands, and before decimals."""
_PLACE = re.compile(r"\{(\w+)\}")

Text = str | Mapping[str, str]


@dataclass(frozen=True, slots=True, eq=False)
class Words:
    """The catalogue in one language."""

    language: str
    texts: Mapping[str, Text]
    """By section and name: "panel.given"."""

    def __call__(self, key: str, **values: str | int) -> str:
        """The text of that key, with these values in its places; `number` chooses between the two forms, if it has
        them. Raises KeyError where there is no such text or a place has no value."""
        text = self.texts[key]
        if not isinstance(text, str):
            text = text["one" if values["number"] == 1 else "other"]
        return _PLACE.sub(lambda place: self._shown(values[place[1]]), text)

    def _shown(self, value: str | int) -> str:
        return value if isinstance(value, str) else self.number(value)

    def number(self, value: float, *, decimals: int = 0) -> str:
        """The number as this language writes it: 1,200.5 or 1.200,5."""
        return self.localised(f"{value:,.{decimals}f}")

    def localised(self, number: str) -> str:
        """A number as English writes it, as this language does: 3.4 % or 3,4 %."""
        return number.translate(str.maketrans(",.", _SEPARATORS[self.language]))

    def sections(self, *names: str) -> dict[str, Text]:
        """The texts of these sections, for the browser."""
        return {key: text for key, text in self.texts.items() if key.partition(".")[0] in names}


@lru_cache
def words_in(language: str) -> Words:
    """The catalogue in one of LANGUAGES."""
    sections = json.loads(Path(__file__).with_name(f"{language}.json").read_text(encoding="utf-8"))
    texts = {f"{section}.{name}": text for section, named in sections.items() for name, text in named.items()}
    return Words(language, texts)


def language_of(tag: str | None) -> str:
    """The language of the catalogue for a browser's language tag (BCP 47), such as de-AT; English for any other."""
    language = (tag or "").partition("-")[0].lower()
    return language if language in LANGUAGES else "en"


ENGLISH = words_in("en")
