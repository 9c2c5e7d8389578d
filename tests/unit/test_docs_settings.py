"""docs/settings.md is generated from the settings' declaration."""

import subprocess
import sys
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_the_settings_page_is_what_the_declaration_says():
    command = [sys.executable, str(DOCS / "generate_settings.py")]
    generated = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert generated == (DOCS / "settings.md").read_text(), "run `make docs`, then commit"
