"""The command, as `fcspec` and as `python -m fcspec`."""

import sys

from fcspec import runner


def main() -> None:
    """Run the command; the process that will judge imports torch while this one imports the rest of the command."""
    if sys.argv[1:2] == ["check"] and not any(one.startswith(_ANOTHER_START) for one in sys.argv):
        runner.start_early()
    from fcspec import cli

    cli.main()


_ANOTHER_START = ("--device", "--isolation", "-h", "--help")

if __name__ == "__main__":
    main()
