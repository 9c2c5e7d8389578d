"""Room on the disk."""

from pathlib import Path

from eventjob.runtime.disk_space import DiskSpace


def test_a_folder_that_is_not_here_has_room(tmp_path):
    assert not DiskSpace(tmp_path / "elsewhere", 2**62).is_short()
    assert DiskSpace(tmp_path, 2**62).is_short()


def test_the_disk_is_looked_at_once_a_second():
    free, now, looks = [100], [0.0], []

    def free_bytes(folder):
        looks.append(folder)
        return free[0]

    space = DiskSpace(Path("data"), 50, clock=lambda: now[0], free_bytes=free_bytes)
    assert not space.is_short()
    free[0] = 49
    assert not space.is_short()
    now[0] = 1.0
    assert space.is_short()
    assert looks == [Path("data")] * 2
