"""Run all tests under each Python 3.11-3.13 found here, with SQLAlchemy 2.0 and 2.1."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

PYTHONS = ("3.11", "3.12", "3.13")
SQLALCHEMYS = ("2.0", "2.1")
ROOT = Path(__file__).resolve().parent.parent


def interpreter(version: str) -> str | None:
    """Return a Python of that version: on the path, or one of pyenv's."""
    candidates = [shutil.which(f"python{version}")]
    if pyenv := shutil.which("pyenv"):
        root = subprocess.run([pyenv, "root"], capture_output=True, text=True, check=True).stdout.strip()
        candidates += map(str, sorted(Path(root, "versions").glob(f"{version}.*/bin/python3"), reverse=True))
    for candidate in candidates:
        if candidate is None:
            continue
        shown = subprocess.run([candidate, "--version"], capture_output=True, text=True, check=False)
        if shown.returncode == 0 and shown.stdout.startswith(f"Python {version}."):
            return candidate
    return None


def run(python: str, version: str, sqlalchemy: str) -> bool:
    """Install into an environment of its own, and run the tests there."""
    environment = ROOT / ".matrix" / f"python{version}-sqlalchemy{sqlalchemy}"
    if not (environment / "bin" / "python").exists():
        subprocess.run([python, "-m", "venv", str(environment)], check=True)
    inside = str(environment / "bin" / "python")
    install = [inside, "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
    subprocess.run([*install, "-e", f"{ROOT}[test]", f"SQLAlchemy=={sqlalchemy}.*"], check=True)
    return subprocess.run([inside, "-m", "tests", *sys.argv[1:]], cwd=ROOT, check=False).returncode == 0


def main() -> None:
    """Tell which combinations passed; fail when one did not, or when there was none."""
    results = {}
    for version in PYTHONS:
        python = interpreter(version)
        for sqlalchemy in SQLALCHEMYS:
            name = f"Python {version}, SQLAlchemy {sqlalchemy}"
            results[name] = (
                "not found" if python is None else "ok" if run(python, version, sqlalchemy) else "FAILED"
            )
    sys.stdout.write("".join(f"{name}: {result}\n" for name, result in results.items()))
    sys.exit("FAILED" in results.values() or "ok" not in results.values())


if __name__ == "__main__":
    main()
