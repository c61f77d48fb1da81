"""The app's colours, in a light and a dark theme, and its server's settings, independent of a user's own ones."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from overread_app.serving import Place


@dataclass(frozen=True)
class Theme:
    """The colours of a theme, as #RRGGBB."""

    ink: str
    """Text."""
    muted: str
    """Text that is read second."""
    line: str
    """Borders and grids."""
    edge: str
    """Borders of fields, and marks that stand back, such as the images that are not proposed."""
    paper: str
    """Behind everything."""
    mist: str
    """Behind fields, code and tables' headings."""
    sidebar: str
    """Behind the sidebar, whose fields have the paper's colour in the light theme and the mist's in the dark one."""
    accent: str
    """Links, focus, the main button, proposals."""
    on_accent: str
    """Text on the main button."""
    alarm: str
    """Text of errors."""
    caution: str
    """Text of warnings."""
    classes: tuple[str, ...]
    """One per class in the study's order, repeating; neither red nor green, which would suggest right and wrong. The
    same place has the same hue in both themes."""
    sequential: tuple[str, ...]
    """From nothing to the most."""


LIGHT = Theme(
    ink="#1D2B31",
    muted="#56666D",
    line="#D9E1E3",
    edge="#7D8C92",
    paper="#FFFFFF",
    mist="#F3F6F7",
    sidebar="#F3F6F7",
    accent="#1B6B75",
    on_accent="#FFFFFF",
    alarm="#A23B4B",
    caution="#8A4B08",
    classes=(
        *("#6775DF", "#A78202", "#B77979", "#603058", "#57401E"),
        *("#5686AE", "#977E44", "#4A4694", "#844A07", "#985D78"),
    ),
    sequential=(
        *("#F3F8F8", "#DCEBED", "#C1DCDF", "#A3CBD0", "#84B8BF"),
        *("#65A4AD", "#478F99", "#2C7983", "#1B626B", "#114A52"),
    ),
)
DARK = Theme(
    ink="#E3E8EA",
    muted="#A3B0B7",
    line="#343D44",
    edge="#6B7982",
    paper="#14191D",
    mist="#1C2328",
    sidebar="#101417",
    accent="#62BBC6",
    on_accent="#0E1518",
    alarm="#F0939F",
    caution="#E9B872",
    classes=(
        *("#8E9AFD", "#BEA72E", "#CB977C", "#C98FA9", "#E3E18B"),
        *("#ADCAFF", "#ECDCAC", "#E07FCA", "#D5A15E", "#F9BDCF"),
    ),
    sequential=(
        *("#1B2429", "#1D3036", "#1F3E45", "#224D55", "#255D66"),
        *("#2C6F79", "#37838E", "#4898A3", "#5FAEB9", "#7FC7D1"),
    ),
)
THEMES = {"light": LIGHT, "dark": DARK}
"""By the names that Streamlit's settings have for them."""


def current_theme() -> Theme:
    """The theme that the browser of this session shows; the light one before it has said so."""
    import streamlit as st

    return THEMES.get(st.context.theme.type or "", LIGHT)


def page_style(theme: Theme) -> str:
    """The pages' style, for what Streamlit's theme has no setting for: narrower margins, to leave space for images,
    readable captions and buttons, and the colours of the pages' own HTML."""
    name = "light" if theme is LIGHT else "dark"
    return f"""<style>
:root {{ color-scheme: {name}; --muted: {theme.muted}; --line: {theme.line}; --accent: {theme.accent}; }}
[data-testid="stMainBlockContainer"] {{ padding: 3rem 2.5rem; }}
[data-testid="stSidebarHeader"] {{ height: 2.6rem; margin-bottom: 0; padding-top: 0; padding-bottom: 0; }}
[data-testid="stSidebar"] h3 {{ padding-top: 0; }}
[data-testid="stHeading"] h2 {{ padding: 0.4rem 0; }}
[data-testid="stTextInputRootElement"]:not(:focus-within), [data-testid="stNumberInputContainer"]:not(:focus-within),
[data-testid="stTextAreaRootElement"]:not(:focus-within),
[data-testid="stSelectbox"] [role="group"]:not(:focus-within) {{ border-color: {theme.edge}; }}
[data-testid="stCheckbox"] label > span + div {{ outline: 1px solid {theme.edge}; }}
[data-testid="stCheckbox"] label > span + div svg {{ color: {theme.on_accent}; }}
[data-testid="stMainMenuPopover"] span[class] {{ color: {theme.ink}; opacity: 1; }}
[data-testid="stCaptionContainer"] {{ color: var(--muted); opacity: 1; }}
[data-testid^="stBaseButton-primary"]:enabled :is(p, span) {{ color: {theme.on_accent}; }}
[data-testid="stMain"]:focus-visible, [data-testid="stPageLink-NavLink"]:focus-visible {{
  outline: 2px solid {theme.accent}; outline-offset: -2px; }}
.sign-out {{ color: {theme.accent}; font-size: 0.9rem; white-space: nowrap; }}
.not-for-diagnosis {{ position: fixed; top: 1.15rem; right: 3.5rem; z-index: 999991; margin: 0; color: var(--muted);
  font-size: 0.8rem; letter-spacing: 0.02em; pointer-events: none; }}
</style>"""


def contrast(first: str, second: str) -> float:
    """The contrast ratio of two colours, from 1 to 21. Source: WCAG 2.2, "contrast ratio" and "relative luminance"."""
    low, high = sorted(_luminance(colour) for colour in (first, second))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    shares = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def server_settings(place: "Place") -> dict[str, object]:
    """Streamlit's settings for a server at a place, without telemetry and uploads."""
    return {
        "server.address": place.address,
        "server.port": place.port,
        "server.headless": True,
        "server.showEmailPrompt": False,
        "server.fileWatcherType": "none",
        "server.runOnSave": False,
        "server.baseUrlPath": "",
        "server.enableCORS": True,
        "server.enableXsrfProtection": True,
        # Another site's page that reaches this machine by a host name of its own gets no connection.
        "server.allowedHosts": ["127.0.0.1", "localhost", *(name.partition(":")[0] for name in place.names)],
        "server.enableStaticServing": False,
        "server.enableAgentApi": False,
        "server.maxUploadSize": 0,
        "browser.serverAddress": place.names[0].partition(":")[0] if place.names else "127.0.0.1",
        "browser.gatherUsageStats": False,
        "client.showErrorDetails": "none",
        "client.showErrorLinks": False,
        "client.toolbarMode": "minimal",
        # The export is the one table that leaves the app.
        "client.disableDataExport": True,
        "global.developmentMode": False,
        "logger.level": "warning",
        "logger.hideWelcomeMessage": True,
        "runner.magicEnabled": False,
        **theme_settings(),
    }


def theme_settings() -> dict[str, object]:
    """Streamlit's theme: the fonts that it ships, and the colours of both themes, between which its menu chooses."""
    settings: dict[str, object] = {
        "theme.linkUnderline": True,
        "theme.showWidgetBorder": True,
        "theme.showSidebarBorder": True,
        "theme.font": "sans-serif",
        "theme.headingFont": "sans-serif",
        "theme.codeFont": "monospace",
        "theme.baseRadius": "0.4rem",
        "theme.baseFontSize": 15,
        "theme.headingFontSizes": ["1.75rem", "1.2rem", "1.05rem", "1rem", "0.95rem", "0.9rem"],
        "theme.headingFontWeights": [600, 600, 600, 600, 600, 600],
        "theme.metricValueFontSize": "1.6rem",
        "theme.paddingTop": "0.5rem",
        "theme.paddingBottom": "3rem",
    }
    for name, theme in THEMES.items():
        settings |= {f"theme.{name}.{option}": value for option, value in _colour_settings(theme).items()}
    return settings


def _colour_settings(theme: Theme) -> dict[str, object]:
    is_light = theme is LIGHT
    return {
        "primaryColor": theme.accent,
        "backgroundColor": theme.paper,
        "secondaryBackgroundColor": theme.mist,
        "textColor": theme.ink,
        "linkColor": theme.accent,
        "borderColor": theme.line,
        "greenColor": theme.accent,
        "redColor": theme.alarm,
        "redTextColor": theme.alarm,
        "orangeTextColor": theme.caution,
        "grayColor": theme.muted,
        "grayBackgroundColor": theme.mist,
        "grayTextColor": theme.muted,
        "codeTextColor": theme.ink,
        "chartCategoricalColors": list(theme.classes),
        "chartSequentialColors": list(theme.sequential),
        "sidebar.backgroundColor": theme.sidebar,
        "sidebar.secondaryBackgroundColor": theme.paper if is_light else theme.mist,
    }
