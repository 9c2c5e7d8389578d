import subprocess
import sys

import pytest

from eventjob.runtime.workspace import workspace

KILLED = """
import os, signal, sys
from pathlib import Path
from eventjob.runtime.workspace import workspace
with workspace(Path(sys.argv[1])) as folder:
    (folder / "left").write_text("over")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_workspace_is_gone_at_its_end(tmp_path):
    with workspace(tmp_path / "work") as folder:
        (folder / "file").write_text("x")
    assert list((tmp_path / "work").iterdir()) == []


def test_a_workspace_is_gone_also_where_the_work_fails(tmp_path):
    with pytest.raises(ZeroDivisionError), workspace(tmp_path):
        _ = 1 / 0
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_removed_by_the_next_one(tmp_path):
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    assert done.returncode < 0
    assert [path.read_text() for path in tmp_path.rglob("left")] == ["over"]
    with workspace(tmp_path) as folder:
        assert list(folder.iterdir()) == []
        assert list(tmp_path.rglob("left")) == []


def test_the_workspace_of_a_living_process_is_left_alone(tmp_path):
    with workspace(tmp_path) as first:
        (first / "mine").write_text("x")
        with workspace(tmp_path) as second:
            assert first != second
        assert (first / "mine").read_text() == "x"
