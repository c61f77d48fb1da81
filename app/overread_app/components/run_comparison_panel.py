"""Two finished runs of a study side by side, and the choice of the one to review."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import streamlit as st

from overread.pipeline.training_time import elapsed_s
from overread.proposals.belief import beliefs
from overread.proposals.run_comparison import RunComparison, VerdictFigures, setting_differences
from overread.setting_list import every_setting
from overread.studies.run import Run
from overread.studies.study import Study
from overread_app import session, study_data
from overread_app.boundary import error_boundary, plain_text
from overread_app.components import run_comparison_words as words
from overread_app.components.wording import counted, duration, run_title

REVIEW = Path(__file__).parents[1] / "views" / "review.py"
MAX_PAIRS = 10
FAVOURED_SHARE = 0.75
"""Of a reader's verdicts given on one run's proposals: from here on they favour it."""


def show_run_comparison(study: Study, finished: Sequence[Run]) -> None:
    """The comparison, folded away until it is asked for; nothing where there are no two finished runs."""
    if len(finished) < 2:
        return
    with st.expander(words.TITLE, key="train_compare", on_change="rerun") as expander:
        if not expander.open:
            return
        with error_boundary():
            newest = list(reversed(finished))
            columns = st.columns(2)
            first = _choose(columns[0], words.FIRST, newest, index=1)
            second = _choose(columns[1], words.SECOND, newest, index=0)
            if first == second:
                st.caption(words.SAME)
                return
            comparison = study_data.load_run_comparison(study, first, second, session.reader_name())
            for column, run, name in zip(columns, (first, second), ("first", "second"), strict=True):
                if column.button(words.REVIEW, key=f"train_review_{name}", width="stretch"):
                    session.choose_run(run.name)
                    st.switch_page(REVIEW)
            _show_figures(study, first, second, comparison)
            _show_pairs(comparison)
            _show_settings(first, second)


def _choose(column: st.delta_generator.DeltaGenerator, label: str, runs: list[Run], *, index: int) -> Run:
    chosen: Run = column.selectbox(label, runs, index=index, format_func=_plain_title, key=f"train_compare_{index}")
    return chosen


def _plain_title(run: Run) -> str:
    """A run's title without Markdown's escapes, since a menu shows plain text."""
    return run_title(run).replace("\\", "")


def _show_figures(study: Study, first: Run, second: Run, comparison: RunComparison) -> None:
    runs = (comparison.first, comparison.second)
    believed = [beliefs(study_data.load_scores(run), study_data.load_error_range(run)) for run in (first, second)]
    rows = {
        words.PROPOSALS: [f"{run.num_proposed:,}" for run in runs],
        words.EXPECTED: [everything.number for everything, _ in believed],
        words.PRECISION: [proposals.share for _, proposals in believed],
        words.RECALL: [_percent(run.recall) for run in runs],
        words.TIME: [duration(elapsed_s(run.events())) for run in (first, second)],
        **_verdict_rows(comparison.first_verdicts, comparison.second_verdicts),
    }
    _show_table(pd.DataFrame.from_dict(rows, orient="index", columns=[words.FIRST, words.SECOND]))
    num_verdicts = comparison.first_verdicts.num_verdicts
    if num_verdicts:
        said = [words.OF_VERDICTS.format(verdicts=num_verdicts), *_favoured(study, first, second)]
    else:
        said = [words.NO_VERDICTS if session.reader_name() else words.NO_READER]
    st.caption(" ".join([words.MODELS_BELIEF, *said]))
    st.markdown(
        words.OVERLAP.format(
            both=counted(comparison.num_both, "image"),
            same=f"{comparison.num_same_label:,}",
            first=f"{comparison.num_only_first:,}",
            second=f"{comparison.num_only_second:,}",
        )
    )


def _verdict_rows(first: VerdictFigures, second: VerdictFigures) -> dict[str, list[str]]:
    if not first.num_verdicts:
        return {}
    both = (first, second)
    return {
        words.AGREEING: [_of(one.num_agreeing, one.num_verdicts) for one in both],
        words.FOUND: [_of(one.num_found, one.num_wrong) for one in both],
        words.NEEDLESS: [_of(one.num_needless, one.num_verdicts - one.num_wrong) for one in both],
    }


def _favoured(study: Study, first: Run, second: Run) -> list[str]:
    """That the reader's verdicts were mostly given on one run's proposals, if they were."""
    decisions = session.ledger(study).decisions(session.reader_name())
    by_run = Counter(decision.verdict.run for decision in decisions)
    for run, which in ((first, words.FIRST_SHORT), (second, words.SECOND_SHORT)):
        if by_run[run.name] >= FAVOURED_SHARE * len(decisions):
            return [words.FAVOURS.format(which=which.lower())]
    return []


def _show_pairs(comparison: RunComparison) -> None:
    st.markdown(f"**{words.PAIRS}**")
    if not comparison.pairs:
        st.caption(words.NO_PAIRS)
        return
    rows = [
        (plain_text(pair.given_label), plain_text(pair.proposed_label), pair.num_first, pair.num_second, pair.num_both)
        for pair in comparison.pairs[:MAX_PAIRS]
    ]
    columns = [words.GIVEN, words.PROPOSED, words.FIRST_SHORT, words.SECOND_SHORT, words.BOTH]
    _show_table(pd.DataFrame(rows, columns=columns), hide_index=True)
    if (num_more := len(comparison.pairs) - MAX_PAIRS) > 0:
        st.caption(words.MORE_PAIRS.format(pairs=counted(num_more, "pair")))


def _show_settings(first: Run, second: Run) -> None:
    st.markdown(f"**{words.SETTINGS}**")
    found = setting_differences(first.config(), second.config())
    if not found:
        st.caption(words.NO_SETTINGS)
        return
    meanings = words.MEANINGS | {f"{each.section}.{each.name}": each.meaning for each in every_setting()}
    rows = [(name, *values, meanings.get(name, "")) for name, *values in found]
    columns = [words.SETTING, words.FIRST_SHORT, words.SECOND_SHORT, words.MEANING]
    _show_table(pd.DataFrame([tuple(map(plain_text, row)) for row in rows], columns=columns), hide_index=True)


def _show_table(table: pd.DataFrame, *, hide_index: bool = False) -> None:
    st.table(table, border="horizontal", hide_index=hide_index)


def _percent(share: float) -> str:
    return words.PERCENT.format(percent=100 * share)


def _of(number: int, total: int) -> str:
    return words.OF.format(number=f"{number:,}", total=f"{total:,}")
