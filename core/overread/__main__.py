"""`python -m overread COMMAND`."""

from overread.cli.main import main

if __name__ == "__main__":
    main()
