"""The main task from end to end: sample conference, whole service, finished ZIP."""


class DemoFailed(Exception):
    """The demo cannot go on; the text tells the user why."""
