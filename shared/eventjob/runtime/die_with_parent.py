"""Tie a process to its parent, for programs that lack an option for it.

As a script, ``die_with_parent.py <pid of the parent> <program> <arguments>…`` becomes the program.
Only Linux supports this; elsewhere the program outlives a killed parent.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def die_with(parent: int) -> None:
    """Have this process killed when the thread that started it ends.

    Args:
        parent: pid of the expected parent; if it is already gone, this process exits at once.
    """
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
            raise OSError(ctypes.get_errno(), "prctl")
    if os.getppid() != parent:  # it died before the line above
        os._exit(1)


if __name__ == "__main__":
    die_with(int(sys.argv[1]))
    os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606 - no shell is wanted
