"""Settings, read once from ``EVENTJOB_*`` and passed down as an argument."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import msgspec

from eventjob.runtime import setting_types
from eventjob.runtime.setting_reader import SettingReader, SettingsError
from eventjob.runtime.setting_types import Rate, parse_rate

__all__ = ["Fetch", "Nats", "Settings", "SettingsError", "declare_settings", "read_settings"]

DEFAULT_CONTACT = "https://eventjob.example"
DEFAULT_RATE = Rate(100, 1)
LARGEST_BODY_MB = 200  # a larger batch would not fit into one atomic append


class Nats(msgspec.Struct, frozen=True, kw_only=True):
    """Address and credentials of the bus; `up` starts its own server if ``url`` is None."""

    url: str | None
    user: str | None
    password: str | None
    ca: Path | None
    replicas: int  # servers that store each stream


class Fetch(msgspec.Struct, frozen=True, kw_only=True):
    """Limits and politeness of fetching from the web."""

    allow: str  # CIDR:port,…
    contact: str
    robots: Literal["obey", "ignore"]
    delay: timedelta  # between two requests to one host
    per_host: int
    page_bytes: int
    image_bytes: int
    file_bytes: int
    job_bytes: int  # total of one job
    connect: timedelta
    read: timedelta
    page: timedelta  # total
    file: timedelta  # total
    redirects: int
    ratio: int  # maximum of decoded to raw size


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """All settings of a process."""

    host: str
    port: int  # 0: any free port
    data_dir: Path  # absolute
    nats: Nats
    store_url: str
    artifacts_url: str
    anonymous: Literal["restricted", "full", "none"]
    api_keys_file: Path | None  # absolute
    rate_limit: Rate  # per API key
    max_body_bytes: int
    fetch: Fetch
    processors: int
    concurrency: int  # sessions at a time per processor
    max_attempts: int
    first_pause: timedelta  # between the first attempt and the second
    attempt_timeout: timedelta
    retention: timedelta | None  # until an archived batch is retired; None: for ever
    min_free_bytes: int  # below this, writes are refused
    log_level: Literal["debug", "info", "warning", "error"]
    instance: str | None  # this process's name in its role, the same after a restart
    heartbeat_file: Path | None  # absolute; touched while the event loop turns
    parent_pipe: int | None  # set by `up` for its children: closes when `up` ends


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Read the settings from ``environ``; an empty variable counts as absent.

    Raises:
        SettingsError: names every variable that is wrong or unknown.
    """
    return declare_settings(SettingReader(environ))


def declare_settings(read: SettingReader) -> Settings:
    """Declare every setting to ``read``; ``docs/generate_settings.py`` records them this way."""
    data_dir = Path(read.text("DATA_DIR", "./data")).absolute()
    settings = Settings(
        host=read.parse("HOST", "127.0.0.1", setting_types.parse_host),
        port=read.integer("PORT", 5000, least=0, most=65_535),
        data_dir=data_dir,
        nats=_nats(read),
        store_url=_store_url(read, f"sqlite://{quote(str(data_dir))}/projection.db"),
        artifacts_url=read.parse(
            "ARTIFACTS_URL", f"{data_dir.as_uri()}/artifacts", setting_types.parse_artifacts_url
        ),
        anonymous=read.choice("ANONYMOUS", "restricted", "full", "none"),
        api_keys_file=read.parse_optional("API_KEYS_FILE", setting_types.parse_path),
        rate_limit=read.parse("RATE_LIMIT", DEFAULT_RATE, parse_rate),
        max_body_bytes=read.megabytes("MAX_BODY_MB", 32, most=LARGEST_BODY_MB),
        fetch=_fetch(read),
        processors=read.integer("PROCESSORS", 1, most=64),
        concurrency=read.integer("CONCURRENCY", 16, most=1000),
        max_attempts=read.integer("MAX_ATTEMPTS", 5, most=100),
        first_pause=read.seconds("RETRY_BASE_S", 2.0, most=3600),
        attempt_timeout=timedelta(minutes=read.number("ATTEMPT_MINUTES", 15, least=0.1, most=1440)),
        retention=read.parse_optional("RETENTION_DAYS", setting_types.parse_days),
        min_free_bytes=read.megabytes("MIN_FREE_MB", 512, least=0),
        log_level=read.choice("LOG_LEVEL", "info", "debug", "warning", "error"),
        instance=read.parse_optional("INSTANCE", setting_types.parse_name),
        heartbeat_file=read.parse_optional("HEARTBEAT_FILE", setting_types.parse_path),
        parent_pipe=read.parse_optional("PARENT_PIPE", setting_types.parse_pipe),
    )
    _check_keys(read, settings)
    read.raise_errors()
    return settings


def _check_keys(read: SettingReader, settings: Settings) -> None:
    """Reject settings that contradict the use of API keys."""
    if settings.api_keys_file is not None:
        if settings.anonymous == "full":
            read.reject(
                "ANONYMOUS", "full", "restricted or none while EVENTJOB_API_KEYS_FILE is set"
            )
        return
    if settings.anonymous == "none":
        read.reject("ANONYMOUS", "none", "restricted or full unless EVENTJOB_API_KEYS_FILE is set")
    if rate := read.text("RATE_LIMIT", ""):
        read.reject("RATE_LIMIT", rate, "EVENTJOB_API_KEYS_FILE to be set: it limits each API key")


def _store_url(read: SettingReader, default: str) -> str:
    """Return the store's URL, from the variable or from a file that hides its password."""
    url = read.parse_optional("STORE_URL", setting_types.parse_store_url)
    from_file = read.parse_optional("STORE_URL_FILE", setting_types.read_store_url_file)
    if url is not None and from_file is not None:
        read.reject("STORE_URL", url, "EVENTJOB_STORE_URL or EVENTJOB_STORE_URL_FILE, but not both")
    return url or from_file or default


def _nats(read: SettingReader) -> Nats:
    url, ca = (
        read.parse_optional("NATS_URL", setting_types.parse_nats_url),
        read.text("NATS_CA_FILE", ""),
    )
    user = read.parse_optional("NATS_USER", setting_types.parse_name)
    password = read.parse_optional("NATS_PASSWORD", str)
    file_password = read.parse_optional("NATS_PASSWORD_FILE", setting_types.read_text_file)
    file = read.text("NATS_PASSWORD_FILE", "")
    if password and file:
        read.reject("NATS_PASSWORD_FILE", file, "this or EVENTJOB_NATS_PASSWORD, but not both")
    elif user is not None and not password and not file:
        read.reject("NATS_PASSWORD_FILE", "", "a file with the password of EVENTJOB_NATS_USER")
    elif user is None and (password or file) and not read.text("NATS_USER", ""):
        read.reject("NATS_USER", "", "a user beside the password, or neither")
    if ca and url and "nats://" in url:
        read.reject("NATS_CA_FILE", ca, "tls:// in each address of EVENTJOB_NATS_URL")
    return Nats(
        url=url,
        user=user,
        password=password or file_password,
        ca=read.parse_optional("NATS_CA_FILE", setting_types.parse_existing_file),
        replicas=_replicas(read),
    )


def _replicas(read: SettingReader) -> int:
    replicas = read.choice("NATS_REPLICAS", "1", "3", "5")
    if replicas != "1" and not read.text("NATS_URL", ""):
        read.reject("NATS_REPLICAS", replicas, "EVENTJOB_NATS_URL to be set: `up` has one server")
    return int(replicas)


def _fetch(read: SettingReader) -> Fetch:
    return Fetch(
        allow=read.parse("FETCH_ALLOW", "", setting_types.parse_allowances),
        contact=read.parse("CONTACT", DEFAULT_CONTACT, setting_types.parse_contact),
        robots=read.choice("ROBOTS", "obey", "ignore"),
        delay=read.seconds("FETCH_DELAY_S", 1.0, least=0),
        per_host=read.integer("FETCH_PER_HOST", 2, most=100),
        page_bytes=read.megabytes("FETCH_PAGE_MB", 5),
        image_bytes=read.megabytes("FETCH_IMAGE_MB", 10),
        file_bytes=read.megabytes("FETCH_FILE_MB", 100),
        job_bytes=read.megabytes("FETCH_JOB_MB", 250),
        connect=read.seconds("FETCH_CONNECT_S", 5),
        read=read.seconds("FETCH_READ_S", 10),
        page=read.seconds("FETCH_PAGE_S", 60),
        file=read.seconds("FETCH_FILE_S", 600),
        redirects=read.integer("FETCH_REDIRECTS", 5, least=0, most=50),
        ratio=read.integer("FETCH_RATIO", 100, most=100_000),
    )
