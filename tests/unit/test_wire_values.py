"""Values inside messages and artifacts: how they are stored, and what may be left out."""

import msgspec
import pytest
from builders import file_ref, job_spec, submit_job
from msgspec import Raw
from tables import row, table

from eventjob.contracts.base import Access, FileRef, JobError, JobSpec, LogLine
from eventjob.contracts.parameters import Parameters
from eventjob.contracts.work import Bundle

NEEDED = {"event": "e", "session": "s", "url": "https://example.org", "filename": "f", "track": "t"}
PARAMETERS = '{"event":"e","session":"s","url":"https://example.org","filename":"f","track":"t"%s}'
BUNDLE = {
    "title": "T",
    "event": "e",
    "track": "t",
    "target_dir": "e/t",
    "asset_dir": "e/t/f",
    "archive_filename": "f.zip",
    "markdown_file": "e/t/f.md",
    "files": [],
    "web_text": "w",
}
VALUES = [
    pytest.param(Parameters(**NEEDED), PARAMETERS % "", id="parameters, the unset left out"),
    pytest.param(
        Parameters(
            **NEEDED,
            day="Sunday",
            starttime="09:50",
            endtime="10:15",
            speakers=["Ada"],
            video_url="v",
            attachments_url="a",
            source_language="nl",
            target_language="fr",
            use_cache=False,
            extra={"room": 1},
        ),
        PARAMETERS % ',"day":"Sunday","starttime":"09:50","endtime":"10:15","speakers":["Ada"],'
        '"video_url":"v","attachments_url":"a","source_language":"nl","target_language":"fr",'
        '"use_cache":false,"extra":{"room":1}',
        id="parameters, all set",
    ),
    pytest.param(
        Bundle(**BUNDLE, structured_data=Raw(b'{"schema":"event-session/1"}')),
        '{"title":"T","event":"e","track":"t","target_dir":"e/t","asset_dir":"e/t/f",'
        '"archive_filename":"f.zip","markdown_file":"e/t/f.md","files":[],"web_text":"w",'
        '"structured_data":{"schema":"event-session/1"},"page_texts":[],"attachments_text":null,'
        '"video_transcript":null,"attachments_url":null}',
        id="a bundle",
    ),
]


@pytest.mark.parametrize(("value", "text"), VALUES)
def test_a_stored_value(value, text):
    assert msgspec.json.encode(value).decode() == text
    assert msgspec.json.decode(text, type=type(value)) == value
    newer = text[:-1] + ',"of_a_later_version":1}'
    assert msgspec.json.decode(newer, type=type(value)) == value


@table(
    "text, value",
    row(
        "a job without type and webhook",
        '{"parameters":{},"host":"h","job_name":"n"}',
        JobSpec(parameters=Raw(b"{}"), host="h", job_name="n", webhook=Raw(b"null")),
    ),
    row("access is private", "{}", Access(visibility="private")),
    row("no details", '{"code":"c","message":"m"}', JobError(code="c", message="m")),
    row(
        "a file without source",
        f'{{"path":"e/t/talk.md","sha256":"{"f" * 64}","size_bytes":7,"media_type":"text/plain"}}',
        file_ref(),
    ),
)
def test_what_may_be_left_out(text, value):
    assert msgspec.json.decode(text, type=type(value)) == value


@table(
    "text, kind, field",
    row("unknown visibility", '{"visibility":"secret"}', Access, "visibility"),
    row("size as text", '{"path":"p","sha256":"s","size_bytes":"7"}', FileRef, "size_bytes"),
    row("no time", '{"timestamp":"yesterday","level":"info","message":"m"}', LogLine, "timestamp"),
)
def test_what_is_wrong_is_named(text, kind, field):
    with pytest.raises(msgspec.ValidationError, match=field):
        msgspec.json.decode(text, type=kind)


def test_a_message_never_changes():
    with pytest.raises(AttributeError):
        submit_job().job_id = "other"
    with pytest.raises(AttributeError):
        job_spec().host = "other"
