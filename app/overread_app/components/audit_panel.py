"""What the open audit proves, as a part of the Insights page."""

import plotly.graph_objects as go
import streamlit as st

from overread.audit.wording import percent, proposal_line, statement_lines
from overread.pipeline.audit_study import AuditNow
from overread.studies.study import Study
from overread_app import study_data
from overread_app.components.charts import show_chart, template
from overread_app.theme import current_theme


def show_audit(study: Study) -> None:
    """What is proved, how that came about, and when reading may stop; or how to open an audit."""
    st.header("What the verdicts prove")
    now = study_data.load_audit_now(study)
    if now is None:
        st.caption(
            "No audit is open. The study’s owner opens one with `overread audit`: it draws a random sample, and says "
            "how many labels are still wrong at most."
        )
        return
    left, right = st.columns(2, gap="large")
    with left:
        course = study_data.load_audit_course(study)
        alt = "Line chart of the share of labels still wrong at most, by the number of verdicts"
        show_chart(bound_by_verdicts(course, now), key="insights_audit", alt=alt)
        target = percent(now.audit.question.max_wrong)
        st.caption(
            f"You may look after every verdict and stop when the line reaches {target}: the statement holds at each "
            f"point with {percent(now.audit.question.confidence)} confidence, however good the model is."
        )
    with right:
        st.markdown("\n".join(f"- {_sentence(line)}" for line in statement_lines(now.statement, now.audit.question)))
        if now.audit.run:
            st.markdown(f"- {_sentence(proposal_line(now.proposals, now.audit.question))}")
        _show_strata(now)


def bound_by_verdicts(course: list[tuple[int, float]], now: AuditNow) -> go.Figure:
    """The upper bound after each verdict, with the share asked for and what the forecast expects."""
    theme = current_theme()
    statement, target = now.statement, 100 * now.audit.question.max_wrong
    read, share = [num for num, _ in course], [100 * share for _, share in course]
    figure = go.Figure()
    figure.add_scatter(
        x=read,
        y=share,
        mode="lines+markers" if len(read) < 15 else "lines",
        name="proved: at most",
        line={"color": theme.accent, "width": 2},
        hovertemplate="%{x:,} verdicts: at most %{y:.1f} % wrong<extra></extra>",
    )
    end = statement.num_read
    if statement.num_to_read:
        end += statement.num_to_read
        figure.add_scatter(
            x=[statement.num_read, end],
            y=[100 * statement.share, target],
            mode="lines",
            name="expected",
            line={"color": theme.muted, "width": 2, "dash": "dot"},
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
    figure.update_yaxes(title="Labels still wrong, at most (%)", rangemode="tozero")
    return figure


def _show_strata(now: AuditNow) -> None:
    rows = [
        {
            "Part": each.stratum.name,
            "Labels": each.stratum.size,
            "Read": each.num_read,
            "Wrong": each.num_wrong,
        }
        for each in now.statement.tallies
    ]
    st.dataframe(rows, hide_index=True, width="stretch")


def _sentence(line: str) -> str:
    return f"{line[0].upper()}{line[1:]}."
