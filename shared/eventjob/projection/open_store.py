"""Open the store that EVENTJOB_STORE_URL names."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from eventjob.projection.sqlite.store import SqliteStore
from eventjob.projection.store import Store
from eventjob.runtime.setting_reader import SettingsError, mask_secrets
from eventjob.runtime.setting_types import parse_store_url


def open_store(url: str) -> Store:
    """Return the store at ``sqlite:///absolute/path`` or ``mongodb://host/database``.

    It connects on first use.

    Raises:
        SettingsError: the setting is wrong; it is named.
    """
    try:
        if parse_store_url(url).startswith("sqlite:"):
            return SqliteStore(Path(unquote(urlsplit(url).path)))
        return _open_mongo(url)
    except ValueError as error:
        raise SettingsError(
            f"EVENTJOB_STORE_URL is {mask_secrets(url)!r}: expected {error}"
        ) from None


def _open_mongo(url: str) -> Store:
    from pymongo.errors import PyMongoError  # noqa: PLC0415 - 10 MB that SQLite does not need

    from eventjob.projection.mongo.store import MongoStore  # noqa: PLC0415 - the same

    try:
        return MongoStore(url)
    except (PyMongoError, UserWarning, ValueError):  # their texts may contain secrets
        raise ValueError(
            "mongodb://host/database with hosts and options that PyMongo understands"
        ) from None
