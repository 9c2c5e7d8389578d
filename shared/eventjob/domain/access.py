"""Access rules of an object: one definition for decisions and for reads."""

import msgspec

from eventjob.contracts.base import Access

EVERYONE = "*"


class Caller(msgspec.Struct, frozen=True):
    """The user who sends a request.

    ``user`` is None without a user header. ``trusted`` passes every check: the api sets it for
    administering keys, and for callers without a user where ``EVENTJOB_ANONYMOUS`` is ``full``.
    """

    user: str | None
    trusted: bool = False


def private_access(owner: str | None) -> Access:
    """Return the default access of a new object: private, with the owner in all lists."""
    names = () if owner is None else (owner,)
    return Access(read_access=names, write_access=names, admin_access=names)


def may_read(caller: Caller, owner: str | None, access: Access) -> bool:
    """Allow the owner, everyone in the three lists, and everyone if public or unowned."""
    return (
        may_change(caller, owner, access)
        or access.visibility == "public"
        or (caller.user is not None and caller.user in access.read_access)
    )


def may_change(caller: Caller, owner: str | None, access: Access) -> bool:
    """Allow the owner, writers and admins; everyone if the object is unowned."""
    if caller.trusted or owner is None:
        return True
    return caller.user is not None and (
        caller.user == owner
        or caller.user in access.write_access
        or caller.user in access.admin_access
    )


def allowed_readers(owner: str | None, access: Access) -> frozenset[str]:
    """Return the users that `may_read` allows, or `EVERYONE` alone, for a store's index."""
    if owner is None or access.visibility == "public":
        return frozenset({EVERYONE})
    return frozenset({owner, *access.read_access, *access.write_access, *access.admin_access})
