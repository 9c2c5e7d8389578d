"""Which database a setting means."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from eventjob.runtime.setting_reader import SettingsError
from services.api.store import Store
from services.api.store_sqlite import SqliteStore


def open_store(url: str) -> Store:
    """The store at ``sqlite:///absolute/path``. Nothing is opened before it is used.

    Raises:
        SettingsError: the setting is wrong; it is named.
    """
    parts = urlsplit(url)
    if parts.scheme == "sqlite" and not parts.netloc and len(parts.path) > 1:
        return SqliteStore(Path(unquote(parts.path)))
    expected = "expected sqlite:///absolute/path"
    if parts.scheme.startswith("mongodb"):
        expected = "MongoDB is not supported yet, expected sqlite:///absolute/path"
        url = f"{parts.scheme}://…"  # it may carry a password
    raise SettingsError(f"EVENTJOB_STORE_URL is {url!r}: {expected}")
