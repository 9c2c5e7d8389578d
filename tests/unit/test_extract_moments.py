"""Dates and times in text."""

from datetime import timedelta

import pytest
from tables import row, table

from services.processor.extract.rungs.date_parsing import parse_duration, parse_iso, parse_span


@table(
    "text, start, end",
    ("2030-11-16 14:30 - 15:00", "2030-11-16T14:30:00", "2030-11-16T15:00:00"),
    ("June 13, 2030 11:00\u201311:45", "2030-06-13T11:00:00", "2030-06-13T11:45:00"),
    ("Sat, 13th of June 2030, 4:15 p.m. to 5 pm", "2030-06-13T16:15:00", "2030-06-13T17:00:00"),
    ("13. Juni 2030, 11 bis 12 Uhr", "2030-06-13T11:00:00", "2030-06-13T12:00:00"),
    ("13.06.2030 11.00 Uhr", "2030-06-13T11:00:00", None),
    ("9 Sept 2030, 11:00-1:00pm", "2030-09-09T11:00:00", "2030-09-09T13:00:00"),
    ("1 Jan 2030, 23:30 - 00:15", "2030-01-01T23:30:00", "2030-01-02T00:15:00"),
    ("1 Jan 2030, 12:00 am", "2030-01-01T00:00:00", None),
    ("2030-11-16T14:30:00+01:00", "2030-11-16T14:30:00", None),
    ("16 November 2030, 14:30 (UTC+01:00)", "2030-11-16T14:30:00", None),
)
def test_a_text_says_when(text, start, end):
    assert parse_span(text).iso == (start, end)


@table(
    "text",
    row("month or day first", "3/4/2030 10:00"),
    row("at night or in the afternoon", "13 June 2030, 1:30 - 2:15"),
    row("no time", "13 June 2030"),
    row("no date", "Saturday 10:00"),
    row("several days", "13 June and 14 June 2030, 10:00; 15 June 2030"),
    row("several times", "13 June 2030: 10:00, 11:00 and 12:00"),
    row("no such day", "31 February 2030, 10:00"),
    row("no such time", "13 June 2030, 25:00"),
    row("no such hour of a half", "13 June 2030, 13:00 pm to 14"),
    row("a version", "Python 3.11, since 24 October 2022"),
)
def test_a_text_does_not_say_when(text):
    assert parse_span(text).iso == (None, None)


def test_a_day_and_times_are_known_apart():
    assert str(parse_span("Saturday, 13 June 2030").day) == "2030-06-13"
    assert str(parse_span("Saturday at 10:00").start) == "10:00:00"


@table(
    "text, minutes",
    ("45 min", 45),
    ("1h 30m", 90),
    ("00:45", 45),
    ("2 Stunden", 120),
    ("1 hour, 5 minutes", 65),
)
def test_a_duration_is_read(text, minutes):
    assert parse_duration(text) == timedelta(minutes=minutes)


@pytest.mark.parametrize("text", ["", "short", "1.5 hours", "45", "00:00"])
def test_what_is_no_duration_is_none(text):
    assert parse_duration(text) is None


@pytest.mark.parametrize("text", ["2030-01-01", "10:00", "soon", ""])
def test_a_moment_has_a_date_and_a_time(text):
    assert parse_iso(text) is None
