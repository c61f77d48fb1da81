"""The verdicts and grades that a reader can give: their words and their keys."""

from overread.records import Grade, VerdictKind

NUM_KEYS = 9
MAX_NOTE_LENGTH = 500
PLAIN_VERDICTS = (
    (VerdictKind.AMBIGUOUS, "Ambiguous", "M", "The image does not show which class is right. The given label is kept."),
    (
        VerdictKind.CANNOT_JUDGE,
        "Cannot judge",
        "N",
        "You cannot judge this image. The given label is kept.",
    ),
    (VerdictKind.EXCLUDE, "Exclude", "E", "The image should not be in the dataset. Its label becomes empty."),
)
VERDICT_NAMES = {
    VerdictKind.ACCEPT: "Changed",
    VerdictKind.REJECT: "Kept",
    VerdictKind.RELABEL: "Another class",
    VerdictKind.AMBIGUOUS: "Ambiguous",
    VerdictKind.EXCLUDE: "Excluded",
    VerdictKind.CANNOT_JUDGE: "Cannot judge",
}
_MINOR, _MAJOR = "It does not matter clinically.", "It matters clinically."
GRADES = (
    {
        "grade": Grade.MANY_MINOR.value,
        "row": "Many miss it",
        "text": "Minor",
        "key": "T",
        "help": f"Many miss it. {_MINOR}",
    },
    {
        "grade": Grade.MANY_MAJOR.value,
        "row": "Many miss it",
        "text": "Major",
        "key": "Y",
        "help": f"Many miss it. {_MAJOR}",
    },
    {
        "grade": Grade.FEW_MINOR.value,
        "row": "Few miss it",
        "text": "Minor",
        "key": "G",
        "help": f"Few miss it. {_MINOR}",
    },
    {
        "grade": Grade.FEW_MAJOR.value,
        "row": "Few miss it",
        "text": "Major",
        "key": "B",
        "help": f"Few miss it. {_MAJOR}",
    },
)
"""Row by row; T, Y, G and B are together on a keyboard, and free."""
GRADE_WORDS = {grade["grade"]: f"{grade['row'].lower()}, {grade['text'].lower()}" for grade in GRADES}
