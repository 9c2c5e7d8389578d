"""The files that were stored for a session, and what was found in them."""

from pathlib import PurePosixPath

import msgspec

from eventjob.domain.names import make_file_name
from services.processor.extract.facts import FileLink
from services.processor.extract.rungs.links import name_in
from services.processor.files.dimensions import Size

LONGEST_STEM = 80  # characters; an image is called what its text for the blind says


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """A small picture of a page of a PDF; ``name`` has no folder yet."""

    page: int
    name: str
    sha256: str
    size_bytes: int
    media_type: str


class DownloadedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that was stored; ``name`` is unique among those of its session."""

    wanted: FileLink
    name: str
    sha256: str
    size_bytes: int
    media_type: str
    pixels: Size | None = None
    pages: list[str] = []  # the text of a PDF
    previews: list[Preview] = []
    preview_folder: str = ""
    transcript: str = ""  # of subtitles

    @property
    def all_bytes(self) -> int:
        """Its size, with that of its previews."""
        return self.size_bytes + sum(preview.size_bytes for preview in self.previews)


class SessionFiles(msgspec.Struct, frozen=True):
    """What could be had, in the order it was wanted, and for the rest the reasons."""

    files: list[DownloadedFile]
    warnings: list[str]

    @property
    def text(self) -> str | None:
        """What all PDFs say, each under its name; None where none says anything."""
        read = ["\n\n".join([file.name, *file.pages]) for file in self.files if any(file.pages)]
        return "\n\n".join(read) or None

    def transcript(self, language: str | None) -> str | None:
        """What is said in the video: in ``language`` (BCP 47) if possible."""
        said = [file for file in self.files if file.transcript]
        said.sort(key=lambda file: not _speaks(file.wanted.language, language))  # stable
        return said[0].transcript if said else None


def _speaks(language: str | None, wanted: str | None) -> bool:
    """Whether both are the same language, whatever the region."""
    return _primary(language) == _primary(wanted) != ""


def _primary(language: str | None) -> str:
    """The first part of a BCP 47 tag, in lower case."""
    return (language or "").replace("_", "-").partition("-")[0].lower()


def named(wanted: FileLink, extension: str) -> str:
    """What the file is called, as a safe name with the extension of what it is."""
    title = wanted.title or name_in(wanted.url)
    suffix = PurePosixPath(title).suffix
    if suffix.lower() in {extension, PurePosixPath(name_in(wanted.url)).suffix.lower()}:
        title = title.removesuffix(suffix)
    return make_file_name(f"{_shortened(title)}{extension}", f"{wanted.kind}{extension}")


def _shortened(title: str) -> str:
    """``title`` up to the last word that fits in; a word that is too long is cut."""
    if len(title) <= LONGEST_STEM:
        return title.strip()
    cut = title[: LONGEST_STEM + 1].rstrip().rpartition(" ")[0].rstrip(" ,;:-(")
    return cut if len(cut) >= LONGEST_STEM // 2 else title[:LONGEST_STEM].strip()
