"""What pyproject.toml cannot say: a wheel carries its commit, and the pages of core/docs that the app's Help shows."""

import shutil
import subprocess
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent


class BuildWithCommit(build_py):
    """Adds overread/commit.txt (see overread/version.py) and overread_app/docs/ (see overread_app/help_pages.py)."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:  # the packages are the clone's own
            return
        command = ("git", "describe", "--always", "--exclude=*", "--abbrev=12", "--dirty=.dirty")
        described = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if described.returncode == 0:
            (Path(self.build_lib) / "overread" / "commit.txt").write_text(described.stdout, encoding="utf-8")
        docs = Path(self.build_lib) / "overread_app" / "docs"
        docs.mkdir(exist_ok=True)
        for path in (ROOT / "core" / "docs").glob("*.md"):
            shutil.copyfile(path, docs / path.name)


setup(cmdclass={"build_py": BuildWithCommit})
