"""Where the project and the parts that tests start lie."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
APP = ROOT / "app" / "overread_app"
ENTRY = APP / "streamlit_app.py"
"""The script that Streamlit runs."""
