"""Read variables one by one, and collect all errors for one report."""

import math
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TypeVar

PREFIX = "EVENTJOB_"
TEST_PREFIX = "EVENTJOB_TEST_"
MEGABYTE = 1024 * 1024

_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")

T = TypeVar("T")
Text = TypeVar("Text", bound=str)


class SettingsError(ValueError):
    """Wrong settings: one line each, with name, value and what is expected."""


def mask_secrets(url: str) -> str:
    """Mask the user and the query values of a URL, for logs and messages."""
    address, question, query = re.sub(".*@", "***@", url).partition("?")
    return address + question + re.sub("=[^&]*", "=***", query)


class SettingReader:
    """Reads ``EVENTJOB_*`` variables; `raise_errors` reports all that are wrong."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._values = {
            name.removeprefix(PREFIX): value.strip()
            for name, value in environ.items()
            if name.startswith(PREFIX) and not name.startswith(TEST_PREFIX)
        }
        self._read: set[str] = set()
        self._wrong: dict[str, str] = {}

    def text(self, name: str, default: str) -> str:
        """Return the text unchanged, or ``default``."""
        self._read.add(name)
        return self._values.get(name) or default

    def parse_optional(self, name: str, form: Callable[[str], T]) -> T | None:
        """Return the parsed text if it is there and right."""
        text = self.text(name, "")
        try:
            return form(text) if text else None
        except ValueError as error:
            self.reject(name, text, str(error))
            return None

    def parse(self, name: str, default: T, form: Callable[[str], T]) -> T:
        """Return the parsed text or ``default``; the parser's ValueError says what is expected."""
        formed = self.parse_optional(name, form)
        return default if formed is None else formed

    def choice(self, name: str, default: Text, *others: Text) -> Text:
        """Return one of these words."""
        words = {str(word): word for word in (default, *others)}

        def form(text: str) -> Text:
            if text not in words:
                raise ValueError(" or ".join(words))
            return words[text]

        return self.parse(name, default, form)

    def integer(self, name: str, default: int, *, least: int = 1, most: int) -> int:
        """Return a whole number from ``least`` to ``most``."""

        def form(text: str) -> int:
            if not _WHOLE.fullmatch(text) or not least <= int(text) <= most:
                raise ValueError(f"a whole number, {least} to {most}")
            return int(text)

        return self.parse(name, default, form)

    def number(self, name: str, default: float, *, least: float, most: float) -> float:
        """Return a number from ``least`` to ``most``."""

        def form(text: str) -> float:
            try:
                value = float(text)
            except ValueError:
                value = math.nan
            if not least <= value <= most:
                raise ValueError(f"a number, {least:g} to {most:.12g}")
            return value

        return self.parse(name, default, form)

    def seconds(
        self, name: str, default: float, *, least: float = 0.01, most: float = 86_400
    ) -> timedelta:
        """Return a duration that is given in seconds."""
        return timedelta(seconds=self.number(name, default, least=least, most=most))

    def megabytes(
        self, name: str, default: float, *, least: float = 0.01, most: float = 1024 * 1024
    ) -> int:
        """Return a size in bytes that is given in megabytes of 1,048,576 bytes."""
        return int(self.number(name, default, least=least, most=most) * MEGABYTE)

    def reject(self, name: str, value: str, expected: str) -> None:
        """Add ``name`` to the report, with secrets in its value masked."""
        if name.endswith("_URL"):
            value = mask_secrets(value)
        shown = "not shown" if name.endswith("_PASSWORD") else repr(value)
        self._wrong[name] = f"{PREFIX}{name} is {shown}: expected {expected}"

    def raise_errors(self) -> None:
        """Raise `SettingsError` if any variable is wrong or unknown."""
        for name in self._values.keys() - self._read:
            self._wrong[name] = f"{PREFIX}{name} is not a setting of eventjob"
        if self._wrong:
            raise SettingsError("\n".join(self._wrong[name] for name in sorted(self._wrong)))
