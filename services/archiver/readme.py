"""The README of a ZIP: what is in it, for people."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import PurePosixPath
from urllib.parse import quote

from eventjob.domain.batch_content import Failure
from eventjob.domain.names import MANIFEST
from services.archiver.zip_layout import SessionFiles

_MARKDOWN = re.compile(r"([\\`*_\[\]<>#&])")
_ABOUT_MANIFEST = (
    f"`{MANIFEST}` has the size, the SHA-256, the media type and the source of each file."
)


def session_readme(event: str, track: str, title: str, paths: Iterable[str]) -> str:
    """The README of one session's ZIP."""
    listed = "\n".join(f"- {_plain(path)}" for path in sorted(paths))
    return f"""# {_plain(title)}

A session of {_plain(event)} (track: {_plain(track)}), as Markdown with the files that belong to it:

{listed}

{_ABOUT_MANIFEST}
"""


def batch_readme(title: str, sessions: Iterable[SessionFiles], failures: Sequence[Failure]) -> str:
    """The index page of a batch's ZIP: its sessions by event and track, and what is missing."""
    blocks = [f"# {_plain(title) or 'Sessions'}", *_index(sessions)]
    if failures:
        missing = [f"- {_plain(failure.job_name)}: `{failure.code}`" for failure in failures]
        blocks += ["## Failed", "\n".join(missing)]
    return "\n\n".join([*blocks, _ABOUT_MANIFEST]) + "\n"


def _index(sessions: Iterable[SessionFiles]) -> Iterator[str]:
    ordered = sorted(sessions, key=_place)
    for event, of_event in groupby(ordered, lambda session: session.event):
        yield f"## {_plain(event)}"
        for track, of_track in groupby(of_event, lambda session: session.track):
            yield f"### {_plain(track)}"
            yield "\n".join(f"- {_link(session)}" for session in of_track)


def _place(session: SessionFiles) -> tuple[str, ...]:
    title = session.title
    return session.event, session.track, title.casefold(), title, session.markdown_file


def _link(session: SessionFiles) -> str:
    name = session.title.strip() or PurePosixPath(session.markdown_file).stem
    return f"[{_plain(name)}]({quote(session.markdown_file)})"


def _plain(text: str) -> str:
    """One line of text that Markdown shows as it is."""
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))
