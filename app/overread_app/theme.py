"""The app's colours and its server's settings, independent of a user's own Streamlit settings."""

INK = "#1D2B31"
MUTED = "#5A6B72"
LINE = "#D9E1E3"
PAPER = "#FFFFFF"
MIST = "#F3F6F7"
ACCENT = "#1B6B75"

CLASS_COLOURS = (
    "#2F7F8C",
    "#CF9528",
    "#8A5FB0",
    "#33475B",
    "#C06C84",
    "#7A8B3A",
    "#5AA9C9",
    "#8A6A4F",
    "#A9B4BA",
    "#B7A1D6",
)
"""One per class in the study's order, repeating; neither red nor green, which would suggest right and wrong."""
SEQUENTIAL_COLOURS = (
    "#F3F8F8",
    "#DCEBED",
    "#C1DCDF",
    "#A3CBD0",
    "#84B8BF",
    "#65A4AD",
    "#478F99",
    "#2C7983",
    "#1B626B",
    "#114A52",
)

STYLE = f"""<style>
[data-testid="stMainBlockContainer"] {{ padding-left: 2.5rem; padding-right: 2.5rem; }}
[data-testid="stSidebarHeader"] {{ height: 2.6rem; margin-bottom: 0; padding-top: 0; padding-bottom: 0; }}
[data-testid="stSidebar"] h3 {{ padding-top: 0; }}
[data-testid="stCaptionContainer"] {{ color: {MUTED}; opacity: 1; }}
</style>"""
"""What Streamlit's theme has no setting for: narrower margins, to leave space for images, and readable captions."""


def server_settings(port: int) -> dict[str, object]:
    """Streamlit's settings for a server that only this machine can reach, without telemetry."""
    return {
        "server.address": "127.0.0.1",
        "server.port": port,
        "server.headless": True,
        "server.showEmailPrompt": False,
        "server.fileWatcherType": "none",
        "server.runOnSave": False,
        "server.baseUrlPath": "",
        "server.enableCORS": True,
        "server.enableXsrfProtection": True,
        # Another site's page that reaches this machine by a host name of its own gets no connection.
        "server.allowedHosts": ["127.0.0.1", "localhost"],
        "server.enableStaticServing": False,
        "server.enableAgentApi": False,
        "server.maxUploadSize": 0,
        "browser.serverAddress": "127.0.0.1",
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
    """Streamlit's theme: light, one accent colour, the fonts that Streamlit ships."""
    return {
        "theme.base": "light",
        "theme.primaryColor": ACCENT,
        "theme.backgroundColor": PAPER,
        "theme.secondaryBackgroundColor": MIST,
        "theme.textColor": INK,
        "theme.linkColor": ACCENT,
        "theme.linkUnderline": False,
        "theme.borderColor": LINE,
        "theme.showWidgetBorder": True,
        "theme.showSidebarBorder": True,
        "theme.font": "sans-serif",
        "theme.headingFont": "sans-serif",
        "theme.codeFont": "monospace",
        "theme.baseRadius": "0.4rem",
        "theme.baseFontSize": 15,
        "theme.headingFontSizes": ["1.75rem", "1.3rem", "1.1rem", "1rem", "0.95rem", "0.9rem"],
        "theme.headingFontWeights": [600, 600, 600, 600, 600, 600],
        "theme.metricValueFontSize": "1.6rem",
        "theme.paddingTop": "0.5rem",
        "theme.paddingBottom": "3rem",
        "theme.greenColor": ACCENT,
        "theme.redColor": "#A23B4B",
        "theme.grayColor": MUTED,
        "theme.grayBackgroundColor": MIST,
        "theme.grayTextColor": MUTED,
        "theme.chartCategoricalColors": list(CLASS_COLOURS),
        "theme.chartSequentialColors": list(SEQUENTIAL_COLOURS),
        "theme.sidebar.backgroundColor": MIST,
        "theme.sidebar.secondaryBackgroundColor": PAPER,
    }
