"""Each file once, whoever has found it, and subtitles that are only linked among the files."""

from urllib.parse import urldefrag

import msgspec

from services.processor.extract.facts import Facts, Wanted
from services.processor.extract.tracks import is_subtitles, language_in


def placed(facts: Facts) -> Facts:
    """``facts`` with each file once, and linked subtitles as files."""
    files: dict[str, Wanted] = {}
    for wanted in facts.files:
        url, _ = urldefrag(wanted.url)
        files.setdefault(url, msgspec.structs.replace(wanted, url=url))
    for link in facts.links:
        if is_subtitles(link.url):
            wanted = Wanted("subtitles", link.url, link.title, "linked", language_in(link.url))
            files.setdefault(link.url, wanted)
    return msgspec.structs.replace(facts, files=tuple(files.values()))
