"""The long chaos test: `make chaos`, or `python -m tests.chaos [--seed SEED] [STORM ...]`.

Prints what happened and what is wrong; the exit code is 1 when anything is.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.chaos.storm import Aftermath, Storm
from tests.chaos.weather import SEED_VARIABLE, long_storms, new_seed
from tests.faults.server import Server

#: A long form with fewer kills proves less than it says.
_LEAST_KILLS = 500


def main() -> int:
    """Let all storms rage, one after another."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=new_seed())
    parser.add_argument("storms", nargs="*", metavar="STORM", help=", ".join(long_storms(0)))
    options = parser.parse_args()
    plans = long_storms(options.seed)
    print(f"{SEED_VARIABLE}={options.seed}", flush=True)
    begun, kills, broken = time.monotonic(), 0, 0
    for name in options.storms or plans:
        aftermath = rage(name, options.seed)
        kills += aftermath.kills
        broken += len(aftermath.violations)
        print(f"{name}: {aftermath}", flush=True)
    print(f"{kills} kills in {time.monotonic() - begun:.0f} s; {broken or 'no'} rules broken")
    return 1 if broken or (kills < _LEAST_KILLS and not options.storms) else 0


def rage(name: str, seed: int) -> Aftermath:
    """Let one storm rage, in a folder and on a database of its own."""
    with tempfile.TemporaryDirectory(prefix="chaos ") as temporary:
        folder = Path(temporary).resolve() / "Mein Projekt é"
        folder.mkdir()
        plan = long_storms(seed)[name]
        if not name.startswith("postgresql"):
            return Storm(plan, folder, f"sqlite:///{folder / 'experiments.db'}").run()
        server = Server()
        try:
            return Storm(plan, folder, server.database(), server=server).run()
        finally:
            server.close()


if __name__ == "__main__":
    sys.exit(main())
