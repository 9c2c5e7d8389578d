"""Print the part of requirements.lock that is asked for: pins.py EXTRA|GROUP|PACKAGE ...

Without arguments: what every service needs. The hashes stay, so pip still checks them.
"""

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
ENTRY = re.compile(r"^([a-z0-9._-]+)==.*\n(?:[ \t]+.*\n)*", re.IGNORECASE | re.MULTILINE)
PARENT = re.compile(r"^ +# +(?:via )?([a-z0-9._-]+)", re.IGNORECASE | re.MULTILINE)


def name(requirement: str) -> str:
    """Return the normalised name at the beginning of a requirement."""
    return re.sub(r"[-_.]+", "-", re.split(r"[^\w.-]", requirement, maxsplit=1)[0]).lower()


def pins(asked: list[str]) -> str:
    """Return the lock's entries of these extras, groups and packages, and of their dependencies."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project = declared["project"]
    sets = project["optional-dependencies"] | declared["dependency-groups"]
    sets["up"] = [*sets["api"], *sets["processor"], *sets["up"][1:]]  # the first names the others
    kept = {name(requirement) for requirement in project["dependencies"]}
    for word in asked:
        kept |= {name(requirement) for requirement in sets.get(word, [word])}
    lock = (ROOT / "requirements.lock").read_text()
    entries = [(name(found[1]), found[0]) for found in ENTRY.finditer(lock)]
    if unknown := kept - {entry for entry, _ in entries}:
        sys.exit(f"pins.py: requirements.lock has no {', '.join(sorted(unknown))}")
    while more := {
        entry
        for entry, text in entries
        if entry not in kept and kept & {name(parent) for parent in PARENT.findall(text)}
    }:
        kept |= more
    return "".join(text for entry, text in entries if entry in kept)


if __name__ == "__main__":
    sys.stdout.write(pins(sys.argv[1:]))
