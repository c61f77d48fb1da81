"""The page to sign in: plain HTML without a script, in both themes."""

from dataclasses import dataclass
from html import escape

from overread.review.accounts import MAX_NAME_LENGTH
from overread.review.passwords import MAX_LENGTH
from overread_app.theme import DARK, LIGHT, Theme
from overread_app.words.catalogue import Words

PATH = "/sign-in"
PROVIDER_PATH = "/sign-in/provider"
STATE_PATH = "/sign-in/state"
OUT_PATH = "/sign-out"


@dataclass(frozen=True, slots=True)
class SignInPage:
    """What the page shows."""

    words: Words
    provider: str = ""
    """What the provider is called; empty for none."""
    problem: str = ""
    name: str = ""
    """That was typed before."""

    def html(self) -> str:
        said = self.words
        parts, told = [], ""
        if self.problem:
            parts.append(f'<p class="problem" role="alert" id="problem">{escape(self.problem)}</p>')
            told = ' aria-describedby="problem"'  # read with the field that has the focus
        if self.provider:
            title = escape(said("sign_in.provider", name=self.provider))
            parts.append(f'<a class="button" href="{PROVIDER_PATH}">{title}</a>')
        is_second = " class='second'" if self.provider else ""
        parts.append(
            f'<form method="post" action="{PATH}"{is_second}>'
            f'<label>{escape(said("sign_in.name"))}<input name="name" value="{escape(self.name)}" required '
            f'autocomplete="username" spellcheck="false" maxlength="{MAX_NAME_LENGTH}"{told}'
            f"{'' if self.name else ' autofocus'}></label>"
            f'<label>{escape(said("sign_in.password"))}<input name="password" type="password" required '
            f'autocomplete="current-password" maxlength="{MAX_LENGTH}"{told}'
            f"{' autofocus' if self.name else ''}></label>"
            f'<button class="button">{escape(said("sign_in.start"))}</button></form>'
        )
        parts.append(f'<p class="note">{escape(said("sign_in.forgotten"))}</p>')
        return (
            f'<!DOCTYPE html><html lang="{said.language}"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{escape(said('sign_in.title'))} · Overread</title><style>{_style()}</style></head><body>"
            f'<header class="corner">{escape(said("frame.not_for_diagnosis"))}</header>'
            f"<main><p class='brand'>Overread</p><h1>{escape(said('sign_in.title'))}</h1>{''.join(parts)}</main>"
            "</body></html>"
        )


def _style() -> str:
    return f"""
:root {{ color-scheme: light dark; {_colours(LIGHT)} }}
@media (prefers-color-scheme: dark) {{ :root {{ {_colours(DARK)} }} }}
* {{ box-sizing: border-box; }}
body {{ margin: 0; min-height: 100vh; display: grid; place-items: center; background: var(--paper); color: var(--ink);
  font: 15px/1.5 "Source Sans", "Source Sans 3", system-ui, sans-serif; }}
main {{ width: min(22rem, 100vw - 3rem); padding-bottom: 12vh; }}
h1 {{ font-size: 1.75rem; font-weight: 600; line-height: 1.2; margin: 0 0 1.5rem; }}
.brand {{ margin: 0 0 .25rem; font-weight: 600; color: var(--muted); }}
label {{ display: block; margin-bottom: 1rem; }}
input {{ display: block; width: 100%; margin-top: .25rem; padding: .5rem .75rem; font: inherit; color: var(--ink);
  background: var(--mist); border: 1px solid var(--edge); border-radius: .4rem; }}
.button {{ display: block; width: 100%; margin-top: 1.5rem; padding: .55rem 1rem; font: inherit; font-weight: 600;
  text-align: center; text-decoration: none; cursor: pointer; color: var(--on-accent); background: var(--accent);
  border: 1px solid var(--accent); border-radius: .4rem; }}
.second {{ margin-top: 2rem; padding-top: 1.5rem; border-top: 1px solid var(--line); }}
.second .button {{ color: var(--accent); background: none; }}
:focus-visible {{ outline: 2px solid var(--accent); outline-offset: 2px; }}
.problem {{ margin: 0 0 1.25rem; padding: .6rem .75rem; color: var(--alarm); background: var(--mist);
  border-left: 3px solid var(--alarm); overflow-wrap: anywhere; }}
.note {{ margin: 1.5rem 0 0; color: var(--muted); font-size: .9rem; }}
.corner {{ position: fixed; top: 1rem; right: 1.5rem; margin: 0; color: var(--muted); font-size: .8rem; }}
"""


def _colours(theme: Theme) -> str:
    names = ("ink", "muted", "line", "edge", "paper", "mist", "accent", "on_accent", "alarm")
    return " ".join(f"--{name.replace('_', '-')}: {getattr(theme, name)};" for name in names)
