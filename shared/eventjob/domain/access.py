"""Who may read and who may change an object: one rule for decisions and for reads."""

import msgspec

from eventjob.contracts.base import Access

EVERYONE = "*"


class Caller(msgspec.Struct, frozen=True):
    """Who asks. ``user`` is None without a header; ``trusted`` passes every door.

    The api trusts callers without header where ``EVENTJOB_ANONYMOUS`` is ``full``.
    """

    user: str | None
    trusted: bool = False


def private_access(owner: str | None) -> Access:
    """The access of a new object whose client said nothing: private, the owner in all lists."""
    names = () if owner is None else (owner,)
    return Access(read_access=names, write_access=names, admin_access=names)


def may_read(caller: Caller, owner: str | None, access: Access) -> bool:
    """Owner, any of the three lists, public objects, and objects without an owner."""
    return (
        may_change(caller, owner, access)
        or access.visibility == "public"
        or (caller.user is not None and caller.user in access.read_access)
    )


def may_change(caller: Caller, owner: str | None, access: Access) -> bool:
    """Owner, writers and admins; anyone where there is no owner."""
    if caller.trusted or owner is None:
        return True
    return caller.user is not None and (
        caller.user == owner
        or caller.user in access.write_access
        or caller.user in access.admin_access
    )


def allowed_readers(owner: str | None, access: Access) -> frozenset[str]:
    """The users who may read, or `EVERYONE` alone: `may_read` as a set, for a store's index."""
    if owner is None or access.visibility == "public":
        return frozenset({EVERYONE})
    return frozenset({owner, *access.read_access, *access.write_access, *access.admin_access})
