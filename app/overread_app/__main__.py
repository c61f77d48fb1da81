"""`python -m overread_app [STUDY ...]`."""

import sys

from overread_app.start import main

if __name__ == "__main__":
    sys.exit(main())
