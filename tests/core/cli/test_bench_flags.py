import pytest

from overread.cli.bench_flags import parse_seeds
from overread.errors import ConfigError
from tests.core.commands import run_command


@pytest.mark.parametrize(
    ("text", "seeds"), [("3", [0, 1, 2]), ("1", [0]), ("0,2", [0, 2]), ("2,", [2]), ("0,", [0]), (" 4 , 1 ", [4, 1])]
)
def test_a_number_is_how_many_seeds_and_commas_name_them(text, seeds):
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize("text", ["", "0", "a", "-1", "1,b", "1.5"])
def test_other_seeds_are_refused(text):
    with pytest.raises(ConfigError, match="--seeds"):
        parse_seeds(text)


def test_every_benchmark_is_a_command_with_its_own_flags():
    ended = run_command("bench", "--help")
    names = ("detection", "table1", "table2", "ablation", "speed", "audit", "consensus", "encoders", "time", "save")
    assert all(name in ended.out for name in (*names, "probabilities"))
    assert "--budget" in run_command("bench", "table2", "--help").out
    assert "--budget" not in run_command("bench", "probabilities", "--help").out
    assert run_command("bench", "nothing").status == 2
