"""How far behind the documents are that people read."""

import time

from eventjob.bus.roles.announcements import BELIEVED_FOR_S
from eventjob.contracts.announcements import ProjectedTo

MOST_UNSEEN = 2000  # events; with more, a new job would not be seen for long


class Readers:
    """What is shown, as the projector announces it."""

    def __init__(self) -> None:
        self._sequence = 0
        self._heard_at = 0.0

    def hear(self, announcement: ProjectedTo) -> None:
        """Note how far the projection is."""
        self._sequence = announcement.sequence
        self._heard_at = time.monotonic()

    def are_behind(self, position: int) -> bool:
        """Whether starting more jobs would only make them wait longer for what is already done.

        Nobody waits for a projector that is gone, or of which nothing was heard yet.
        """
        if time.monotonic() - self._heard_at > BELIEVED_FOR_S:
            return False
        return position - self._sequence > MOST_UNSEEN
