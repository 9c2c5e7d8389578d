"""Who asks, as it travels with a command: the user in one header, the right to all in another.

So no name that a user may choose can ever be taken for a right.
"""

from collections.abc import Mapping
from urllib.parse import quote

from eventjob.bus import subjects
from eventjob.domain.access import Caller

_EVERY_DOOR = "every-door"


def asker_headers(caller: Caller) -> dict[str, str]:
    """The headers that say who asks; `asker_of` is the inverse."""
    headers = {subjects.HEADER_ACTOR: quote(caller.user or "", safe="")}
    if caller.trusted:
        headers[subjects.HEADER_RIGHT] = _EVERY_DOOR
    return headers


def asker_of(headers: Mapping[str, str]) -> Caller:
    """Who asks, as a command's headers say."""
    is_trusted = headers.get(subjects.HEADER_RIGHT) == _EVERY_DOOR
    return Caller(subjects.actor_of(headers) or None, trusted=is_trusted)
