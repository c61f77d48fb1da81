"""What the open audit proves, as a part of the Audit and Insights pages."""

from collections.abc import Sequence

import plotly.graph_objects as go
import streamlit as st

from overread.audit.wording import most_percent, percent, proposal_line, reading_words, statement_lines
from overread.pipeline.audit_study import AuditNow
from overread.studies.study import Study
from overread_app import audit_data
from overread_app.components.charts import show_chart, template
from overread_app.theme import current_theme


def show_audit(study: Study, now: AuditNow, *, page: str) -> None:
    """What is proved, how that came about, and when reading may stop. page: the prefix of the chart's key."""
    question = now.audit.question
    left, right = st.columns(2, gap="large")
    with left:
        course = audit_data.load_audit_course(study)
        of_proposals = question.min_precision is not None
        what = "proposals that are wrong labels at least" if of_proposals else "labels still wrong at most"
        alt = f"Line chart of the share of {what}, by the number of verdicts"
        show_chart(bound_by_verdicts(course, now), key=f"{page}_audit", alt=alt)
        target = percent(question.min_precision or question.max_wrong)
        st.caption(
            f"You may look after every verdict and stop when the line reaches {target}: the statement holds at each "
            f"point with {percent(question.confidence)} confidence, however good the model is."
        )
    with right:
        lines = statement_lines(now.statement, question) + (
            [proposal_line(now.proposals, question)] * bool(now.audit.run)
        )
        if now.num_blind + now.num_open:
            lines.append(reading_words(now.num_blind, now.num_open, has_model=bool(now.audit.run)))
        gained = what_reading_buys(now)
        said = [*map(sentence, lines), *([gained] if gained else [])]
        st.markdown("\n".join(f"- {line}" for line in said))


def what_reading_buys(now: AuditNow) -> str:
    """What is expected after more verdicts, in a sentence; empty where nothing is asked of all labels any more."""
    points = now.statement.expected[1:]
    if now.audit.question.min_precision is not None or not points:
        return ""
    chosen = [points[place] for place in sorted({len(points) // 3, 2 * len(points) // 3})]
    parts = [f"{num:,} more: about {most_percent(most, now.statement.num_labels)}" for num, most in chosen]
    return f"What more reading is expected to prove: {'; '.join(parts)}."


def bound_by_verdicts(course: Sequence[tuple[int, float]], now: AuditNow) -> go.Figure:
    """The bound after each verdict, with the share asked for and what the forecast expects."""
    theme, question, statement = current_theme(), now.audit.question, now.statement
    of_proposals = question.min_precision is not None
    target = 100 * (question.min_precision or question.max_wrong)
    read, share = [num for num, _ in course], [100 * share for _, share in course]
    bound = "at least" if of_proposals else "at most"
    figure = go.Figure()
    figure.add_scatter(
        x=read,
        y=share,
        mode="lines+markers" if len(read) < 15 else "lines",
        name=f"proved: {bound}",
        line={"color": theme.accent, "width": 2},
        hovertemplate=f"%{{x:,}} verdicts: {bound} %{{y:.1f}} % wrong<extra></extra>",
    )
    end = read[-1]
    if now.num_to_read:
        expected = [(num, 100 * most / statement.num_labels) for num, most in statement.expected]
        points = [(0, share[-1]), (now.num_to_read, target)] if of_proposals or not expected else expected
        end += now.num_to_read
        figure.add_scatter(
            x=[read[-1] + num for num, _ in points],
            y=[level for _, level in points],
            mode="lines",
            name="expected",
            line={"color": theme.muted, "width": 2, "dash": "dot"},
            hoverinfo="skip",
        )
        low, high = now.to_read_range or (None, None)
        if low is not None and high is not None:
            end = max(end, read[-1] + high)
            figure.add_scatter(
                x=[read[-1] + low, read[-1] + high],
                y=[target, target],
                mode="lines",
                name="reached between",
                line={"color": theme.muted, "width": 6},
                hoverinfo="skip",
            )
    figure.add_scatter(
        x=[0, max(end, 1)],
        y=[target, target],
        mode="lines",
        name="asked for",
        line={"color": theme.ink, "width": 1, "dash": "dash"},
        hoverinfo="skip",
    )
    figure.update_layout(template=template(theme), height=300)
    figure.update_xaxes(title="Verdicts", rangemode="tozero", tickformat=",d")
    title = "Proposals that are wrong, at least (%)" if of_proposals else "Labels still wrong, at most (%)"
    figure.update_yaxes(title=title, rangemode="tozero")
    return figure


def show_strata(now: AuditNow) -> None:
    """The verdicts by the parts of the sample."""
    tallies = now.statement.tallies
    is_changed = any(each.num_changed for each in tallies)
    rows = [
        {
            "Part": each.stratum.name,
            "Labels": each.stratum.size,
            "Read": each.num_read,
            "Wrong": each.num_wrong,
            **({"Changed unread": each.num_changed} if is_changed else {}),
            "Counted as a random sample": "" if each.stratum.is_census else f"{each.num_in_order:,}",
        }
        for each in tallies
    ]
    st.dataframe(rows, hide_index=True, width="stretch")


def sentence(line: str) -> str:
    """A line of `wording` as a sentence."""
    return f"{line[0].upper()}{line[1:]}."
