"""The preview of an import: eight images under the labels that they would get, the classes, and what is left out; and
the outcome of one."""

from collections.abc import Sequence
from html import escape
from typing import Any

import streamlit as st

from overread_app.boundary import plain_text, without_paths
from overread_app.components.flag_words import in_form_words
from overread_app.components.wording import counted

NO_SPLIT = "no split"
_STYLE = """<style>
.preview { display: flex; flex-wrap: wrap; gap: 1rem 2rem; align-items: flex-start; }
.preview-images { flex: 1 1 32rem; max-width: 52rem; display: grid; gap: 0.75rem;
  grid-template-columns: repeat(4, minmax(0, 1fr)); }
.preview-images figure { margin: 0; min-width: 0; }
.preview-images img, .preview-fault { width: 100%; aspect-ratio: 1; display: block; border-radius: 4px;
  background: #000; object-fit: contain; }
.preview-fault { background: transparent; border: 1px dashed var(--muted);
  box-sizing: border-box; padding: 0.5rem; font-size: 0.8rem; overflow: hidden; overflow-wrap: anywhere; }
.preview-images figcaption { margin-top: 0.3rem; font-weight: 600; line-height: 1.3; overflow-wrap: anywhere; }
.preview-counts { flex: 0 1 auto; min-width: 0; max-width: 100%; max-height: 26rem; overflow: auto; }
.preview-counts table { border-collapse: collapse; font-size: 0.93rem; }
.preview-counts th, .preview-counts td { padding: 0.2rem 0.8rem 0.2rem 0; text-align: right; vertical-align: top;
  border-bottom: 1px solid var(--line); }
.preview-counts th:first-child, .preview-counts td:first-child { text-align: left; max-width: 14rem;
  overflow-wrap: anywhere; }
</style>"""


def show_preview(preview: dict[str, Any]) -> None:
    """Show a preview, as `import --dry-run --json` prints it."""
    with st.container(border=True):
        numbers = [counted(preview["num_images"], "image"), counted(len(preview["classes"]), "class", "classes")]
        if preview["num_patients"]:
            numbers.append(counted(preview["num_patients"], "patient"))
        st.markdown(f"**Preview: {', '.join(numbers)}.** Nothing is imported yet.")
        st.caption(
            "Check that these are the labels that you want to audit. If not, say under “More about the labels” where "
            "they are, and preview again. Only these images were opened: the import leaves out others that cannot be "
            "read."
        )
        figures = "".join(figure(image) for image in preview["shown"])
        counts = counts_table(preview["classes"], preview["splits"])
        st.html(
            f'{_STYLE}<div class="preview"><div class="preview-images">{figures}</div>'
            f'<div class="preview-counts">{counts}</div></div>'
        )
        if preview["left_out"]:
            number = sum(each["num_rows"] for each in preview["left_out"])
            st.markdown(f"**Left out: {counted(number, 'row')}**")
            st.markdown("\n".join(f"- {left_out_line(each)}" for each in preview["left_out"]))
        if preview["messages"]:
            st.markdown("**Notes**")
            show_messages(preview["messages"])


def show_outcome(summary: dict[str, Any]) -> None:
    """Show what an import made, as `import --json` prints it."""
    text = f"Imported {counted(summary['num_samples'], 'image')}."
    if summary["num_quarantined"]:
        text += f" Left out: {counted(summary['num_quarantined'], 'row')}; the report below says why."
    st.info(f"{text} The next step is to train the study.", icon=":material/check:")
    if summary["messages"]:
        show_messages(summary["messages"])


def show_messages(messages: Sequence[str]) -> None:
    """What the import wants to say, as a list."""
    st.markdown("\n".join(f"- {sentence(message)}" for message in messages))


def figure(image: dict[str, Any]) -> str:
    """An image above its label, as HTML; or the reason why it cannot be read."""
    label, shown_label = escape(image["label"]), breakable(image["label"])
    if image["fault"]:
        shown = f'<div class="preview-fault">Row {image["row"]} cannot be read: {escape(image["fault"])}</div>'
    else:
        shown = f'<img src="{escape(image["thumbnail"])}" alt="Image that would get the label {label}">'
    return f"<figure>{shown}<figcaption>{shown_label}</figcaption></figure>"


def breakable(name: str) -> str:
    """A class's name as HTML that may break after an underscore."""
    return escape(name).replace("_", "_<wbr>")


def counts_table(classes: Sequence[dict[str, Any]], splits: Sequence[str]) -> str:
    """The number of images of each class, and of each of its splits, as an HTML table."""
    header = "".join(f"<th>{escape(name)}</th>" for name in ("Class", "Images", *(each or NO_SPLIT for each in splits)))
    rows = [
        f"<tr><td>{breakable(each['name'])}</td>"
        + "".join(f"<td>{number:,}</td>" for number in (each["num_images"], *each["by_split"]))
        + "</tr>"
        for each in classes
    ]
    return f"<table><thead><tr>{header}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def left_out_line(left_out: dict[str, Any]) -> str:
    """3 rows: the file is missing (the first is row 14)."""
    first = f"row {left_out['first_row']}" if left_out["num_rows"] == 1 else f"the first is row {left_out['first_row']}"
    reason = plain_text(without_paths(in_form_words(left_out["reason"])))
    return f"{counted(left_out['num_rows'], 'row')}: {reason} ({first})"


def sentence(message: str) -> str:
    """A message of the import as a line of its own, as Markdown. One that begins with a file's name keeps it."""
    is_name = "." in message.partition(" ")[0]
    return plain_text(without_paths(in_form_words(message if is_name else f"{message[:1].upper()}{message[1:]}")))
