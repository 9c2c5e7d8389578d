"""Write the README of a ZIP: its contents, for people."""

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
    """Write the README of one session's ZIP."""
    event, track = _escape(event), _escape(track)
    items = "\n".join(f"- {_escape(path)}" for path in sorted(paths))
    return f"""# {_escape(title)}

A session of {event} (track: {track}), as Markdown with the files that belong to it:

{items}

{_ABOUT_MANIFEST}
"""


def batch_readme(title: str, sessions: Iterable[SessionFiles], failures: Sequence[Failure]) -> str:
    """Write the index page of a batch's ZIP: sessions by event and track, then the failures."""
    blocks = [f"# {_escape(title) or 'Sessions'}", *_index(sessions)]
    if failures:
        missing = [f"- {_escape(failure.job_name)}: `{failure.code}`" for failure in failures]
        blocks += ["## Failed", "\n".join(missing)]
    return "\n\n".join([*blocks, _ABOUT_MANIFEST]) + "\n"


def _index(sessions: Iterable[SessionFiles]) -> Iterator[str]:
    ordered = sorted(sessions, key=_sort_key)  # for equal bytes, and for `groupby`
    for event, of_event in groupby(ordered, lambda session: session.event):
        yield f"## {_escape(event)}"
        for track, of_track in groupby(of_event, lambda session: session.track):
            yield f"### {_escape(track)}"
            yield "\n".join(f"- {_link(session)}" for session in of_track)


def _sort_key(session: SessionFiles) -> tuple[str, ...]:
    title = session.title
    return session.event, session.track, title.casefold(), title, session.markdown_file


def _link(session: SessionFiles) -> str:
    name = session.title.strip() or PurePosixPath(session.markdown_file).stem
    return f"[{_escape(name)}]({quote(session.markdown_file)})"


def _escape(text: str) -> str:
    """Put ``text`` on one line, escaped so that Markdown shows it unchanged."""
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))
