"""The tests' conference site as a process of its own: prints its port, and ends with its parent."""

import os
import sys

from pages import Site

if __name__ == "__main__":
    with Site() as site:
        sys.stdout.write(f"{site.port}\n")
        sys.stdout.flush()
        os.read(int(os.environ["EVENTJOB_PARENT_PIPE"]), 1)
