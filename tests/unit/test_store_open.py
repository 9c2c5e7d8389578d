"""Which store a setting means, and what is said of one that means none."""

import subprocess
import sys

import pytest
from tables import table

from eventjob.projection.mongo.store import MongoStore
from eventjob.projection.open_store import open_store


def test_who_keeps_the_projection_in_sqlite_does_not_load_the_driver(tmp_path):
    code = (
        "import sys, services.api.main, services.projector.main as p\n"
        f"p.open_store('sqlite://{tmp_path}/p.db')\n"
        "print('pymongo' in sys.modules)"
    )
    assert subprocess.check_output([sys.executable, "-c", code]) == b"False\n"


@table(
    "url, said",
    ("mongodb://me:secret@db", "mongodb://host/database"),
    ("mongodb://me:secret@db/", "mongodb://host/database"),
    ("sqlite://relative.db", "expected sqlite:///absolute/path"),
    ("sqlite:///", "expected sqlite:///absolute/path"),
    ("postgres://me:secret@db/jobs", "expected sqlite:///absolute/path"),
    ("mongodb://me:secret@db/admin", "mongodb://host/database"),
    ("mongodb://me:secret@db/jobs.events", "mongodb://host/database"),
    ("mongodb://me:sec/ret@db/jobs", "mongodb://host/database"),
    ("mongodb://me:sec:ret@db/jobs", "hosts and options that PyMongo understands"),
    ("mongodb://me:secret@db:99999/jobs", "hosts and options that PyMongo understands"),
    ("mongodb://db/jobs?tlsCertificateKeyFilePassword=secret&x=1", "=\\*\\*\\*&x=.*options"),
    ("mongodb+srv://me:secret@db:27017/jobs", "hosts and options that PyMongo understands"),
)
def test_a_setting_that_means_no_database_is_named_and_its_secrets_are_not(url, said):
    with pytest.raises(ValueError, match=f"EVENTJOB_STORE_URL.*{said}") as caught:
        open_store(url)
    for secret in ("secret", "sec/", "sec:", "ret@"):
        assert secret not in str(caught.value)


@table(
    "url",
    "mongodb://me:p%40ss@a:27017,b:27018/jobs?replicaSet=r&tls=true",
    "mongodb+srv://me:secret@cluster.example.org/event-jobs?retryWrites=true",
    "mongodb://[::1]:27017/jobs",
)
async def test_a_setting_may_name_several_hosts_and_options(url):
    store = open_store(url)
    assert isinstance(store, MongoStore)
    await store.close()
