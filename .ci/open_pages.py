"""`python open_pages.py URL OWNER`: opens every page of a running app in Chromium; fails where one shows an error."""

import shutil
import sys
import time
import urllib.error
import urllib.request

from playwright.sync_api import expect, sync_playwright

PAGES = {
    "": "Studies",
    "review": "Who is reviewing?",
    "train": "Train",
    "insights": "Insights",
    "export": "Export",
    "help": "Guide",
}
"""Each page by its address, and what it says at first."""
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


def await_server(url: str, *, within_s: float = 60) -> None:
    deadline = time.monotonic() + within_s
    while True:
        try:
            urllib.request.urlopen(f"{url}_stcore/health", timeout=1).close()
            return
        except (urllib.error.URLError, OSError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def main(url: str, owner: str) -> None:
    await_server(url)
    executable = next(path for name in CHROMIUM if (path := shutil.which(name)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        for address, title in PAGES.items():
            page = browser.new_page()
            problems: list[str] = []
            page.on("pageerror", lambda error, problems=problems: problems.append(str(error)))
            page.goto(f"{url}{address}?owner={owner}")
            expect(page.get_by_text(title, exact=True).first).to_be_visible(timeout=60_000)
            expect(page.locator("[data-testid='stException'], [data-testid='stAlertContentError']")).to_have_count(0)
            assert problems == [], (address, problems)
            print(f"opened {title}")
            page.close()
        browser.close()


main(*sys.argv[1:])
