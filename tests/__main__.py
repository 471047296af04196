"""All tests, in two stages: `make test`, or `python -m tests [ARGUMENT OF PYTEST ...]`.

First, in three processes, the tests that share the machine with each other; then those that need it for
themselves, because they measure time or silence.
The exit code is 1 when a stage fails, and when a stage has no test.
"""

from __future__ import annotations

import subprocess
import sys

#: Three processes use two cores: acceptance tests wait for others most of their time. A file's tests stay
#: together, since they may share a database, and files keep their order: fast ones first.
PARALLEL = ("-n", "3", "--dist", "loadfile", "--no-loadscope-reorder")
STAGES = {"in parallel": (*PARALLEL, "-m", "not alone"), "alone": ("-m", "alone")}


def main() -> int:
    """Run both stages, whatever the first one finds."""
    pytest = [sys.executable, "-m", "pytest"]
    codes = {
        name: subprocess.run([*pytest, *options, *sys.argv[1:]], check=False).returncode
        for name, options in STAGES.items()
    }
    print("; ".join(f"tests {name}: {'FAILED' if code else 'passed'}" for name, code in codes.items()))
    return 1 if any(codes.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
