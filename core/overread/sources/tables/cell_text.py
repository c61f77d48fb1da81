"""Values of spreadsheets and Parquet files as the text that a CSV would have in their place."""

import json
from datetime import date, datetime, time
from typing import Any


def cell_text(value: Any) -> str:
    """Text unchanged; nothing and NaN as empty text; whole numbers without .0; dates as ISO 8601; lists as JSON."""
    if value is None or value != value:  # NaN, NaT
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        # 15 digits, as spreadsheets show: 0.1 + 0.2 is 0.3.
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else f"{value:.15g}"
    if isinstance(value, datetime):
        is_day = value.time() == time() and value.tzinfo is None
        return value.date().isoformat() if is_day else value.isoformat(sep=" ")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, default=cell_text)
    return str(value)
