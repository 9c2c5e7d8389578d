"""A session's downloaded files, with their names and contents."""

from pathlib import PurePosixPath

import msgspec

from eventjob.domain.names import make_file_name
from services.processor.extract.facts import FileLink
from services.processor.extract.rungs.links import filename_in
from services.processor.files.dimensions import Size

MAX_STEM_LENGTH = 80  # characters; an image is named after its alternative text


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """A picture of a PDF's page; ``name`` is the bare file name."""

    page: int
    name: str
    sha256: str
    size_bytes: int
    media_type: str


class DownloadedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A stored file; ``name`` is unique within the session."""

    link: FileLink
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
    def total_bytes(self) -> int:
        """Its size, previews included."""
        return self.size_bytes + sum(preview.size_bytes for preview in self.previews)


class SessionFiles(msgspec.Struct, frozen=True):
    """All downloaded files in the order of their links, and warnings about the others."""

    files: list[DownloadedFile]
    warnings: list[str]

    @property
    def text(self) -> str | None:
        """The text of all PDFs, each under its name, if there is any."""
        texts = ["\n\n".join([file.name, *file.pages]) for file in self.files if any(file.pages)]
        return "\n\n".join(texts) or None

    def transcript(self, language: str | None) -> str | None:
        """Return the transcript in ``language`` (BCP 47), else in any."""
        files = [file for file in self.files if file.transcript]
        files.sort(key=lambda file: not _same_language(file.link.language, language))  # stable
        return files[0].transcript if files else None


def choose_filename(link: FileLink, extension: str) -> str:
    """Return a safe name for the file, with the extension of its real type."""
    title = link.title or filename_in(link.url)
    suffix = PurePosixPath(title).suffix
    if suffix.lower() in {extension, PurePosixPath(filename_in(link.url)).suffix.lower()}:
        title = title.removesuffix(suffix)
    return make_file_name(f"{_shorten(title)}{extension}", f"{link.kind}{extension}")


def _same_language(language: str | None, other: str | None) -> bool:
    """True if both are the same language, in any region."""
    return _primary_subtag(language) == _primary_subtag(other) != ""


def _primary_subtag(language: str | None) -> str:
    """Return the first part of a BCP 47 tag, in lower case."""
    return (language or "").replace("_", "-").partition("-")[0].lower()


def _shorten(title: str) -> str:
    """Cut ``title`` after the last word that fits, or inside a word that is too long."""
    if len(title) <= MAX_STEM_LENGTH:
        return title.strip()
    stem = title[: MAX_STEM_LENGTH + 1].rstrip().rpartition(" ")[0].rstrip(" ,;:-(")
    return stem if len(stem) >= MAX_STEM_LENGTH // 2 else title[:MAX_STEM_LENGTH].strip()
