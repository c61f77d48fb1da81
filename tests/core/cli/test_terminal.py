import json
import re
import unicodedata

import pytest

from overread.cli.terminal import print_error, print_result, progress_bar, visible
from tests.app.made_study import write_study
from tests.core.commands import run_command
from tests.core.conftest import write_image

ATTACKS = {
    "\x1b[2J\x1b]0;mine\x07": r"\x1b[2J\x1b]0;mine\x07",
    "a\x9b31mb": r"a\x9b31mb",
    "back\x08\x7f": r"back\x08\x7f",
    "two\r\nerror: lines\x85": r"two\r\nerror: lines\x85",
    "a\u202ereversed\u2066\u200f": r"a\u202ereversed\u2066\u200f",
    "half\udcff": r"half\udcff",
}
"""What a class may be called, and what a terminal is to show."""


def is_obeyed(character):
    return unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") or unicodedata.bidirectional(character) in (
        *("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"),
    )


@pytest.mark.parametrize(("name", "expected"), ATTACKS.items())
def test_what_a_terminal_would_obey_is_written_out(name, expected):
    assert visible(name) == expected


def test_of_all_characters_only_those_that_a_terminal_obeys_are_changed():
    marks = "\u061c\u200e\u200f"  # they change the direction too
    expected = [chr(code) for code in range(0x10000) if is_obeyed(chr(code)) or chr(code) in marks]
    assert [chr(code) for code in range(0x10000) if visible(chr(code)) != chr(code)] == expected
    assert visible("é, 病理, naïve \u200d 👩‍⚕️ \\x1b") == "é, 病理, naïve \u200d 👩‍⚕️ \\x1b"


def test_lines_and_errors_are_printed_visibly(capsys):
    print_result(False, {}, [*ATTACKS])
    print_error("\n".join(ATTACKS))
    printed = capsys.readouterr()
    assert printed.out == "".join(f"{expected}\n" for expected in ATTACKS.values())
    assert printed.err == "error: " + r"\n".join(ATTACKS.values()) + "\n"


def test_json_holds_the_same_values_and_nothing_that_a_terminal_obeys(capsys):
    print_result(True, {"classes": [*ATTACKS], "é": "病理"}, [])
    line = capsys.readouterr().out.removesuffix("\n")
    assert json.loads(line) == {"classes": [*ATTACKS], "é": "病理"}
    assert "病理" in line
    assert [character for character in line if is_obeyed(character)] == []


def test_a_message_beside_the_progress_is_no_markup_and_no_escape_sequence(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")  # as if standard error were a terminal
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "xterm")
    with progress_bar(False) as show:
        show(0.5, "[red]a\x1b]0;mine\x07[/red]")
    assert r"[red]a\x1b]0;mine\x07[/red]" in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", capsys.readouterr().err)


@pytest.mark.parametrize("command", ["import", "proposals", "export", "error"])
def test_no_command_lets_a_class_name_speak_to_the_terminal(tmp_path, monkeypatch, command):
    names = ("\x1b[31mred", "bell\x07", "\x9b2Jgone")
    monkeypatch.setattr("tests.app.made_study.CLASSES", names)
    study = write_study(tmp_path).path
    for index, name in enumerate(names):
        for number in range(3):
            write_image(tmp_path / "source" / name / f"{number}.png", seed=3 * index + number)
    ended = {
        "import": lambda: run_command("import", tmp_path / "source", "--study", tmp_path / "new"),
        "proposals": lambda: run_command("proposals", study, "--out", tmp_path / "\x1b[2Jp.csv"),
        "export": lambda: run_command("export", study, "--format", "cleanlab", "--out", tmp_path / "e.csv"),
        "error": lambda: run_command("import", tmp_path / "source", "--study", tmp_path / "other", "--classes", "a,b"),
    }[command]()
    assert ended.status == (2 if command == "error" else 0)
    assert r"\x" in ended.out + ended.err
    assert [character for character in ended.out + ended.err if is_obeyed(character) and character != "\n"] == []
