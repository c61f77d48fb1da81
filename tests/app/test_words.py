"""The catalogue of words for reading: both languages alike, all of it used, and nothing said beside it."""

import ast
import re
import tomllib
from html.parser import HTMLParser
from pathlib import Path

import pytest

from overread_app.components.scorer_votes import VIEWS
from overread_app.gallery import component as gallery_component
from overread_app.reading import component as reading_component
from overread_app.reading import page_data
from overread_app.words.catalogue import ENGLISH, LANGUAGES, language_of, words_in
from tests.paths import APP, ROOT

MAX_WORDS = 12
FOLDERS = (APP / "reading", APP / "gallery")
MODULES = [
    *(path for folder in FOLDERS for path in sorted(folder.glob("*.py"))),
    *(APP / "views" / f"{name}.py" for name in ("review", "gallery")),
    *(
        APP / "components" / f"{name}.py"
        for name in (
            *(
                "audit_line",
                "evidence_panel",
                "heat_map_panel",
                "language",
                "queue_fields",
                "reader_name",
                "sample_card",
            ),
            *("scorer_votes", "threshold_slider", "verdict_words"),
        )
    ),
]
"""Those that make what a reader sees while reading."""
STREAMLIT_TEXTS = {
    *(
        "button",
        "caption",
        "checkbox",
        "error",
        "form_submit_button",
        "header",
        "info",
        "markdown",
        "popover",
    ),
    *("select_slider", "selectbox", "subheader", "text_input", "title", "toggle", "warning", "write"),
}
SCRIPTS = sorted(path for folder in FOLDERS for path in folder.glob("*.js"))
PAGES = sorted(path for folder in FOLDERS for path in folder.glob("*.html"))
NO_PROSE = {
    "a key of the keyboard": ("Escape", "Enter"),
    "HTTP": ("Bearer ", "Vary", "Authorization", "private, max-age="),
    "a selector": (
        *("input, select", "input, textarea, select, [contenteditable='true']"),
        *(".similar figure", "figcaption span", ".votes li"),
    ),
    "a style": (" { display: none !important; }",),
    "code": ("const DECODER = ", "Standing", "Groups"),
    "what a hash or an error inside is named by": ("image version\n", "content type", "not whole"),
}
"""Literals that look like something to read, and what they are."""
PLACE = re.compile(r"\{(\w+)\}")
JS_TOKEN = re.compile(r"""//[^\n]*|/\*.*?\*/|"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'|`(?:[^`\\]|\\.)*`""", re.DOTALL)
HTML_KEY = re.compile(r'data-(?:text|label|description|title|hint)="([^"]+)"')
KEYS = set(ENGLISH.texts)


def forms(text) -> list[str]:
    return [text] if isinstance(text, str) else [text["one"], text["other"]]


def is_prose(text: str) -> bool:
    """Whether a literal is something that a person reads: two words in a row, or one that begins as a sentence does."""
    if any(text in allowed for allowed in NO_PROSE.values()):
        return False
    text = re.sub(r"<[^>]*(>|$)|^[^<]*>", " ", text).strip()  # parts of markup
    has_two = re.search(r"[^\W\d_]{2,}[,.:;!?…]? +[^\W\d_]{2,}", text)
    return bool(has_two or re.match(r"[A-ZÄÖÜ][a-zäöüß]{2,}\b[^-]*$", text) or "…" in text)


def script_literals(path: Path) -> list[str]:
    """The strings of a script; of a template, the parts between its values."""
    tokens = JS_TOKEN.findall(path.read_text(encoding="utf-8"))
    texts = [token for token in tokens if not token.startswith(("//", "/*"))]
    return [
        part for text in texts for part in (re.split(r"\$\{[^}]*\}", text[1:-1]) if text[0] == "`" else [text[1:-1]])
    ]


def module_literals(path: Path) -> list[str]:
    """The strings of a module that are no documentation."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    documentation = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    texts = [node for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return [node.value for node in texts if id(node) not in documentation]


def made_keys(path: Path) -> set[str]:
    """The catalogue's keys that a file makes at run time: f"verdict.{kind}", `panel.${vote}`, or f"{title}_text" of a
    title that it names."""
    text = path.read_text(encoding="utf-8")
    patterns = re.findall(r'f"(\w+\.[^"]*\{[^"]*)"', text) + re.findall(r"say\(`(\w+\.[^`]*)`", text)
    regexes = [re.sub(r"(?:\\\$)?\\\{.*?\\\}", r"\\w+", re.escape(pattern)) for pattern in patterns]
    ends = re.findall(r'words\(f"\{\w+\}(_\w+)"\)', text)
    named = set(module_literals(path)) & KEYS if ends else set()
    return {key for key in KEYS for regex in regexes if re.fullmatch(regex, key)} | {
        name + end for name in named for end in ends if name + end in KEYS
    }


def page_keys(path: Path) -> set[str]:
    return set(HTML_KEY.findall(path.read_text(encoding="utf-8")))


def said_keys(path: Path) -> set[str]:
    """The keys that a script or a module names."""
    literals = module_literals(path) if path.suffix == ".py" else script_literals(path)
    return (set(literals) & KEYS) | made_keys(path)


def test_a_wheel_carries_every_file_that_the_app_reads():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    patterns = settings["package-data"]
    for path in APP.rglob("*"):
        if path.is_file() and path.suffix not in (".py", ".pyc"):
            package = ".".join(path.parent.relative_to(APP.parent).parts)
            assert any(path.match(each) for each in (*patterns["*"], *patterns.get(package, ()))), path.name


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_the_same_texts_with_the_same_places(language):
    texts = words_in(language).texts
    assert list(texts) == list(ENGLISH.texts)
    for key, text in ENGLISH.texts.items():
        assert isinstance(texts[key], str) == isinstance(text, str), key
        for form, other in zip(forms(texts[key]), forms(text), strict=True):
            assert form.strip() == form != "", key
            assert set(PLACE.findall(form)) == set(PLACE.findall(other)), key


def test_german_is_german():
    """No text was left as it is in English, but for those that are the same."""
    german = words_in("de").texts
    same = {key for key, text in ENGLISH.texts.items() if german[key] == text}
    names_of_pages = {"review.to_studies", "review.to_train"}
    signs = {key for key in same if not re.search(r"[^\W\d_]", PLACE.sub("", "".join(forms(ENGLISH.texts[key]))))}
    words = {
        "gallery.escape",
        "image.reset",
        "keys.escape",
        "queue.patient",
        "reader.code",
        "reader.name",
        "sign_in.name",
    }
    assert same - signs == names_of_pages | words


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_sentence_has_more_than_twelve_words(language):
    for key, text in words_in(language).texts.items():
        for sentence in (part for form in forms(text) for part in re.split(r"(?<=[.!?…])\s+", form)):
            words = [word for word in re.split(r"[\s/]+", sentence) if re.search(r"\w", word)]
            assert len(words) <= MAX_WORDS, f"{key}: {len(words)} words: {sentence}"


def test_every_text_is_used_and_every_key_has_a_text():
    used = {key for path in (*SCRIPTS, *APP.rglob("*.py")) for key in said_keys(path)}
    used |= {key for path in PAGES for key in page_keys(path)}
    used |= {f"evidence.{view}" for view in VIEWS.values()}
    assert used == KEYS
    literal = {
        *(key for path in SCRIPTS for key in re.findall(r'\bsay\w*\([^()]*?"(\w+\.\w+)"', path.read_text("utf-8"))),
        *(key for path in APP.rglob("*.py") for key in re.findall(r'\bwords\("([^"]+)"', path.read_text("utf-8"))),
    }
    assert literal - KEYS == set()


@pytest.mark.parametrize(
    ("component", "sections"),
    [(reading_component, page_data.SECTIONS), (gallery_component, gallery_component.SECTIONS)],
    ids=["reading", "gallery"],
)
def test_a_component_gets_the_sections_that_its_code_speaks_from(component, sections):
    shared = getattr(component, "READING_PARTS", ())
    scripts = [component.FOLDER / f"{part}.js" for part in component.PARTS]
    scripts += [reading_component.FOLDER / f"{part}.js" for part in shared]
    keys = {key for path in scripts for key in said_keys(path)}
    keys |= {key for path in component.FOLDER.glob("*.html") for key in page_keys(path)}
    assert {key.partition(".")[0] for key in keys} == set(sections)


def test_every_value_that_a_text_has_a_place_for_is_given():
    for path in MODULES:
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            name = getattr(call, "func", None)
            if not isinstance(name, ast.Name) or name.id != "words" or not call.args:
                continue
            given = {keyword.arg for keyword in call.keywords}
            for node in ast.walk(call.args[0]):
                if isinstance(node, ast.Constant) and node.value in KEYS:
                    assert set(PLACE.findall(forms(ENGLISH.texts[node.value])[-1])) <= given, (
                        f"{path.name}: {node.value}"
                    )
    for path in SCRIPTS:
        calls = re.findall(r'\bsay\(([^()]*?"[^()]*?)(?:, \{([^{}]*)\})?\)', path.read_text(encoding="utf-8"))
        for argument, values in calls:
            given = {part.partition(":")[0].strip() for part in values.split(",")}
            for key in KEYS.intersection(re.findall(r'"([^"]+)"', argument)):
                assert set(PLACE.findall(forms(ENGLISH.texts[key])[-1])) <= given, f"{path.name}: {key}"


@pytest.mark.parametrize("path", [*SCRIPTS, *MODULES], ids=lambda path: path.name)
def test_no_code_for_reading_has_words_of_its_own(path):
    literals = module_literals(path) if path.suffix == ".py" else script_literals(path)
    assert [text for text in literals if is_prose(text)] == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_what_a_page_shows_comes_from_the_catalogue(path):
    """No text goes to Streamlit as it stands in the code, not even a single small word."""
    fields = ("label", "help", "placeholder")
    for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
            continue
        shown = [keyword.value for keyword in call.keywords if keyword.arg in fields]
        if call.func.attr in STREAMLIT_TEXTS:
            shown += call.args[:1]
        for node in shown:
            literal = node.value if isinstance(node, ast.Constant) else ""
            assert not re.search(r"[^\W\d_]", str(literal)), f"{path.name}:{call.lineno}: {literal!r}"


class Texts(HTMLParser):
    """What a page of markup says itself."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag, attributes):
        read = ("aria-label", "aria-description", "aria-roledescription", "alt", "title", "placeholder")
        self.found += [value for name, value in attributes if name in read]

    def handle_data(self, data):
        self.found += re.findall(r"[^\W\d_]{2,}", data)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_no_markup_for_reading_has_words_of_its_own(path):
    texts = Texts()
    texts.feed(path.read_text(encoding="utf-8"))
    assert texts.found == []


def test_the_scan_finds_words_where_there_are_some(tmp_path):
    script = tmp_path / "a.js"
    script.write_text('f(\'Keep it\'); // Not this\nconst a = `Saved: ${b} now or later`, c = "Undo", d = "is-open";')
    assert [text for text in script_literals(script) if is_prose(text)] == [
        "Keep it",
        "Saved: ",
        " now or later",
        "Undo",
    ]
    texts = Texts()
    texts.feed('<p title="Close"><kbd>U</kbd>Undo</p>')
    assert texts.found == ["Close", "Undo"]


@pytest.mark.parametrize(
    ("tag", "language"),
    [("de", "de"), ("de-AT", "de"), ("DE-CH", "de"), ("en-GB", "en"), ("fr", "en"), ("dea", "en"), (None, "en")],
)
def test_a_browser_s_language_is_that_of_the_catalogue_or_english(tag, language):
    assert language_of(tag) == language


def test_numbers_and_forms_are_those_of_the_language():
    german = words_in("de")
    assert (ENGLISH.number(1234.5, decimals=2), german.number(1234.5, decimals=2)) == ("1,234.50", "1.234,50")
    assert [german("gallery.total", number=number) for number in (0, 1, 1200)] == ["0 Bilder", "1 Bild", "1.200 Bilder"]
    assert german("verdict.kept", given="{chosen} 1,5") == "{chosen} 1,5, behalten"  # a name may look like a place
    with pytest.raises(KeyError):
        german("verdict.kept")
