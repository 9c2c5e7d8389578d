"""How much the workers can take, as they announce it themselves."""

import time

from eventjob.bus.announcements import BELIEVED_FOR_S
from eventjob.contracts.announcements import WorkerAlive, WorkKind


class Workers:
    """The workers that were heard of within the last seconds."""

    def __init__(self) -> None:
        self._heard: dict[str, tuple[float, WorkerAlive]] = {}

    def hear(self, announcement: WorkerAlive) -> bool:
        """Note a worker's word; whether it changes what can be handed out."""
        known = self._heard.get(announcement.worker)
        self._heard[announcement.worker] = (time.monotonic(), announcement)
        return known is None or known[1] != announcement

    def capacity(self, kind: WorkKind) -> int:
        """The tasks of this kind that all workers together can have at a time."""
        oldest = time.monotonic() - BELIEVED_FOR_S
        self._heard = {w: heard for w, heard in self._heard.items() if heard[0] > oldest}
        return sum(said.capacity for _, said in self._heard.values() if said.kind == kind)
