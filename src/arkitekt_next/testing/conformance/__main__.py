"""The command line of the conformance checks."""

from __future__ import annotations

import argparse
import asyncio
import sys

from arkitekt_next.testing.conformance import run


def main() -> int:
    """Read the options, run the checks, give the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m arkitekt_next.testing.conformance",
        description="Check a client of the wire protocol against a real hub.",
    )
    parser.add_argument("--agent", metavar="COMMAND", help="the command that starts the agent")
    parser.add_argument("--caller", metavar="COMMAND", help="the command that starts the caller")
    options = parser.parse_args()
    if options.agent is None and options.caller is None:
        parser.error("give --agent, --caller or both")
    report = asyncio.run(run(agent=options.agent, caller=options.caller))
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
