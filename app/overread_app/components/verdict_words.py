"""The verdicts and grades that a reader can give, their keys, and their names in the catalogue."""

from overread.records import Grade, VerdictKind
from overread_app.words.catalogue import Words

NUM_KEYS = 9
MAX_NOTE_LENGTH = 500
PLAIN_KEYS = {VerdictKind.AMBIGUOUS: "M", VerdictKind.CANNOT_JUDGE: "N", VerdictKind.EXCLUDE: "E"}
"""The verdicts that choose no class."""
GRADE_KEYS = {Grade.MANY_MINOR: "T", Grade.MANY_MAJOR: "Y", Grade.FEW_MINOR: "G", Grade.FEW_MAJOR: "B"}
"""Row by row: these keys are together on a keyboard, and free."""


def offered_verdicts(words: Words) -> list[dict[str, str]]:
    """The verdicts but for those of another class: a class has its own key."""
    return [
        {"kind": VerdictKind.ACCEPT.value, "text": words("verdict.change_to"), "key": "A", "help": ""},
        {"kind": VerdictKind.REJECT.value, "text": words("verdict.keep"), "key": "X", "help": ""},
        *(
            {
                "kind": kind.value,
                "text": words(f"verdict.{kind.value}"),
                "key": key,
                "help": words(f"verdict.{kind.value}_help"),
            }
            for kind, key in PLAIN_KEYS.items()
        ),
    ]


def offered_grades(words: Words) -> list[dict[str, str]]:
    """The grades, one row after the other."""
    return [
        {
            "grade": grade.value,
            "row": words(f"grade.{grade.value.partition('_')[0]}"),
            "text": words(f"grade.{grade.value.partition('_')[2]}"),
            "key": key,
            "help": words(f"grade.{grade.value}_help"),
        }
        for grade, key in GRADE_KEYS.items()
    ]


def verdict_names(words: Words) -> dict[VerdictKind, str]:
    """What a verdict is called once it was given."""
    keys = {kind: kind.value for kind in VerdictKind} | {VerdictKind.EXCLUDE: "excluded"}
    return {kind: words(f"verdict.{key}") for kind, key in keys.items()}
