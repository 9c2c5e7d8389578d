"""The main job from end to end: a sample conference, the whole service, and a ZIP at the end."""


class DemoFailed(Exception):
    """The demo cannot go on; its text says why, to whoever started it."""
