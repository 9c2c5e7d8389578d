"""Many sessions in one tree: nothing meets, and every link leads to where it should."""

import re
from urllib.parse import quote, unquote

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventjob.contracts.base import FileRef
from eventjob.domain.batch_content import Failure
from eventjob.domain.names import append_number, collision_key, is_safe, session_paths
from services.archiver.readme import batch_readme
from services.archiver.zip_layout import SessionFiles, arrange_sessions
from services.archiver.zipper import _plan_members

SPECIAL = (
    "talk",
    "Talk",
    "TALK.md",
    "talk-2",
    "talk-3",
    "ta\u0308lk",
    "t\u00e4lk",
    "a (b) [c]#?",
    "",
)
STEMS = st.sampled_from(SPECIAL) | st.text(max_size=6) | st.just("x" * 250)
FOLDERS = st.sampled_from(["E", "e", "README.md", "Tr\u00e4ck: 1"]) | st.text(max_size=3)
ASSETS = st.lists(st.sampled_from(["slides.pdf", "talk.md", "talk", "b.png"]), unique=True)


def session(event="E", track="T", filename="talk.md", assets=(), title="Title"):
    paths = session_paths(event, track, filename)
    names = [paths.markdown, *(f"{paths.asset_folder}/{name}" for name in assets)]
    files = [
        FileRef(path=path, sha256=f"{n:064x}", size_bytes=1, media_type="text/plain")
        for n, path in enumerate(names)
    ]
    return SessionFiles(
        title=title,
        event=event,
        track=track,
        target_dir=paths.folder,
        markdown_file=paths.markdown,
        files=files,
    )


def paths_of(sessions):
    return [[file.path for file in placed.files] for placed in sessions]


SESSIONS = st.lists(
    st.builds(session, event=FOLDERS, track=FOLDERS, filename=STEMS, assets=ASSETS, title=STEMS),
    max_size=12,
)


def test_sessions_that_do_not_meet_stay_where_they_are():
    sessions = [session(filename="a"), session(filename="b", assets=["x"]), session(track="U")]
    assert arrange_sessions(sessions) == sessions


def test_the_later_session_goes_whole_into_a_folder_of_its_own():
    sessions = [session(assets=["s.pdf"]), session(assets=["s.pdf"]), session(filename="Talk")]
    assert paths_of(arrange_sessions(sessions)) == [
        ["E/T/talk.md", "E/T/talk/s.pdf"],
        ["E/T/talk-2/talk.md", "E/T/talk-2/talk/s.pdf"],
        ["E/T/Talk-3/Talk.md"],
    ]


def test_a_folder_of_its_own_is_nobody_elses_either():
    sessions = [session(), session(), session(filename="talk-2")]
    assert paths_of(arrange_sessions(sessions)) == [
        ["E/T/talk.md"], ["E/T/talk-3/talk.md"], ["E/T/talk-2.md"]
    ]  # fmt: skip


def test_twenty_thousand_of_one_name_find_their_places():
    placed = arrange_sessions([session()] * 20_000)
    assert placed[-1].markdown_file == "E/T/talk-20000/talk.md"
    assert len({one.markdown_file for one in placed}) == 20_000


def test_a_file_outside_its_session_is_refused():
    stray = msgspec.structs.replace(session(), target_dir="E/U")
    with pytest.raises(ValueError, match="is not in 'E/U'"):
        arrange_sessions([stray])


@given(SESSIONS)
def test_all_paths_are_safe_and_unique_and_links_resolve(sessions):
    placed = arrange_sessions(sessions)
    readme = batch_readme("A batch", placed, [])
    members, _ = _plan_members([file for one in placed for file in one.files], readme)
    keys = {collision_key(member.path) for member in members}
    assert len(keys) == len(members) == sum(len(one.files) for one in sessions) + 2
    for before, after in zip(sessions, placed, strict=True):
        folder = after.markdown_file.rpartition("/")[0]
        start = before.markdown_file.rpartition("/")[0]
        for was, file in zip(before.files, after.files, strict=True):
            assert all(is_safe(name) for name in file.path.split("/"))
            link = quote(was.path.removeprefix(f"{start}/"))  # as the session's Markdown has it
            assert f"{folder}/{unquote(link)}" == file.path
    listed = {unquote(link) for link in re.findall(r"\]\((.*?)\)", readme)}
    assert listed == {one.markdown_file for one in placed}


@given(STEMS, st.integers(2, 10**6))
def test_a_numbered_folder_is_safe(stem, number):
    name = append_number(session_paths("E", "T", stem).stem, number)
    assert is_safe(name)
    assert name.endswith(f"-{number}")


def test_the_index_is_by_event_and_track_and_says_what_failed():
    sessions = [
        session(event="Ev B", title="Only one"),
        session(event="Ev A", track="T2", filename="b (1)", title="Zoo"),
        session(event="Ev A", track="T2", filename="c", title="ape [*]"),
        session(event="Ev A", track="T1", filename="d", title=""),
    ]
    failures = [Failure("Ev A - T1 - Lost\n# one", "http_404")]
    assert (
        batch_readme("My *batch*", sessions, failures)
        == """# My \\*batch\\*

## Ev A

### T1

- [d](Ev%20A/T1/d.md)

### T2

- [ape \\[\\*\\]](Ev%20A/T2/c.md)
- [Zoo](Ev%20A/T2/b%20%281%29.md)

## Ev B

### T

- [Only one](Ev%20B/T/talk.md)

## Failed

- Ev A - T1 - Lost \\# one: `http_404`

`manifest.json` has the size, the SHA-256, the media type and the source of each file.
"""
    )


def test_the_order_of_the_jobs_makes_no_difference_to_the_index():
    sessions = [session(filename=name, title=name) for name in ("a", "b", "c")]
    assert batch_readme("", sessions, []) == batch_readme("", sessions[::-1], [])
