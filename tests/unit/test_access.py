"""Who may read and who may change, as a matrix; and the same rule as a set of readers."""

from builders import access
from hypothesis import given
from hypothesis import strategies as st
from tables import row, table

from eventjob.contracts.base import Access
from eventjob.domain.access import (
    EVERYONE,
    Caller,
    allowed_readers,
    may_change,
    may_read,
    private_access,
)

LISTS = access(read_access=("rita",), write_access=("will",), admin_access=("amir",))
PUBLIC = access(visibility="public")

# caller: may read and may change what is private, public, and without owner
MATRIX = {
    "the owner": (Caller("ada"), ("rc", "rc", "rc")),
    "a reader": (Caller("rita"), ("r", "r", "rc")),
    "a writer": (Caller("will"), ("rc", "r", "rc")),
    "an admin": (Caller("amir"), ("rc", "r", "rc")),
    "a stranger": (Caller("eve"), ("", "r", "rc")),
    "nobody": (Caller(None), ("", "r", "rc")),
    "an empty name": (Caller(""), ("", "r", "rc")),
    "an open door": (Caller(None, trusted=True), ("rc", "rc", "rc")),
}
OBJECTS = {"private": ("ada", LISTS), "public": ("ada", PUBLIC), "without owner": (None, LISTS)}


@table(
    "caller, thing, may",
    *(
        row(f"{who} and what is {name}", caller, thing, may)
        for who, (caller, rights) in MATRIX.items()
        for (name, thing), may in zip(OBJECTS.items(), rights, strict=True)
    ),
)
def test_who_may(caller, thing, may):
    assert "r" * may_read(caller, *thing) + "c" * may_change(caller, *thing) == may


@table(
    "thing, found",
    row("private", OBJECTS["private"], {"ada", "rita", "will", "amir"}),
    row("public", OBJECTS["public"], {EVERYONE}),
    row("without owner", OBJECTS["without owner"], {EVERYONE}),
)
def test_the_readers_are(thing, found):
    assert allowed_readers(*thing) == found


def test_a_new_object_is_its_owners():
    ada = ("ada",)
    assert private_access("ada") == Access(read_access=ada, write_access=ada, admin_access=ada)
    assert private_access(None) == Access()


USERS = st.sampled_from(["ada", "bob", "eve", "Ada", " ada", "ädä", "\n"])
SOME = st.lists(USERS, max_size=3).map(tuple)
ACCESS = st.builds(
    Access,
    visibility=st.sampled_from(["private", "public"]),
    read_access=SOME,
    write_access=SOME,
    admin_access=SOME,
)
OWNERS = st.none() | USERS


@given(st.none() | USERS, OWNERS, ACCESS)
def test_readers_are_those_who_may_read(user, owner, rule):
    """The api keeps users from being called `EVERYONE`."""
    found = allowed_readers(owner, rule)
    assert may_read(Caller(user), owner, rule) == (user in found or found == {EVERYONE})


@given(st.none() | USERS, OWNERS, ACCESS, st.booleans())
def test_who_may_change_may_read(user, owner, rule, trusted):
    caller = Caller(user, trusted=trusted)
    assert may_read(caller, owner, rule) >= may_change(caller, owner, rule)
