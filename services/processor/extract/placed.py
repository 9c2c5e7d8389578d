"""Each address where it belongs, whoever has found it: videos are linked, files are fetched."""

from urllib.parse import urldefrag

import msgspec

from services.processor.extract.facts import Facts, Wanted
from services.processor.extract.shown import is_video, video
from services.processor.extract.tracks import is_subtitles, language_in


def placed(facts: Facts) -> Facts:
    """``facts`` with no video among its files, each file once, and linked subtitles as files."""
    videos = {video.url: video for video in facts.videos}
    files: dict[str, Wanted] = {}
    for wanted in facts.files:
        url, _ = urldefrag(wanted.url)
        if is_video(url):
            found = msgspec.structs.replace(
                video(url, "recording"), role="attachment", title=wanted.title or None
            )
            videos.setdefault(url, found)
        else:
            files.setdefault(url, msgspec.structs.replace(wanted, url=url))
    for link in facts.links:
        if is_subtitles(link.url):
            wanted = Wanted("subtitles", link.url, link.title, "linked", language_in(link.url))
            files.setdefault(link.url, wanted)
    return msgspec.structs.replace(
        facts, videos=tuple(videos.values()), files=tuple(files.values())
    )
