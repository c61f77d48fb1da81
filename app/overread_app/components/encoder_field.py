"""The field for the encoder whose features labels are judged by: a path, or a known one and how to get it."""

import streamlit as st

from overread.errors import UserError
from overread.known_encoders import KNOWN_ENCODERS, KnownEncoder, known_encoder
from overread_app.boundary import error_text, plain_text
from overread_app.readable_roots import typed_path

OWN = "The one that comes with Overread. Or enter a path."
HELP = (
    "A network made for images like yours often finds more wrong labels. Enter the folder or file that it is in, or "
    "choose one to read how to get it. Nothing is downloaded."
)


def ask_encoder() -> list[str] | None:
    """Options of `train` for the encoder; none for the one that comes with Overread.

    None if what was entered cannot be used: the page says why, and training must not start.
    """
    chosen = st.selectbox(
        "Encoder",
        [each.name for each in KNOWN_ENCODERS],
        index=None,
        format_func=_title,
        placeholder=OWN,
        help=HELP,
        accept_new_options=True,
        key="train_encoder",
    )
    text = str(chosen or "").strip()
    if not text:
        return []
    if known := known_encoder(text):
        st.info(_how_to_get(known), icon=":material/download:")
        return None
    try:
        if not text.startswith(("/", "~")):
            raise UserError("Enter the whole path of a folder or file, or choose from the list.")
        path = typed_path(text)
        if not path.exists():
            raise UserError("There is no such folder or file.")
    except UserError as error:
        st.warning(plain_text(error_text(error)), icon=":material/info:")
        return None
    return ["--encoder", str(path)]


def _title(name: str) -> str:
    """Of a known encoder; a path is its own."""
    known = known_encoder(name)
    return f"{known.title} ({known.images})" if known else name


def _how_to_get(known: KnownEncoder) -> str:
    files = "".join(f"\n   - {plain_text(file)}" for file in known.files)
    then = f"{known.conversion}enter the path of {known.given} above."
    return (
        f"**{plain_text(known.title)}** is not part of Overread.\n"
        f"1. Check its terms. Licence: {plain_text(known.licence)}. Access: {plain_text(known.access)}.\n"
        f"2. Download from [its page]({known.address}):{files}\n"
        f"3. {then[0].upper()}{then[1:]}"
    )
