"""Ties a process to the one that started it, for programs that cannot do so themselves.

As a script, ``tether.py <pid of the parent> <program> <arguments>…`` becomes the program. Only
Linux has this; elsewhere the program outlives a parent that is killed.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def die_with(parent: int) -> None:
    """This process is killed when the thread that started it ends, from now on.

    Args:
        parent: the expected parent; where it has already gone, this process ends here.
    """
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
            raise OSError(ctypes.get_errno(), "prctl")
    if os.getppid() != parent:
        os._exit(1)


if __name__ == "__main__":
    die_with(int(sys.argv[1]))
    os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606 - no shell is wanted
