"""How often a field is exactly right, and where it is not."""

from collections import defaultdict

MOST_NAMED = 6  # misses in the table


class Tally:
    """Counts, for each field, the sessions in which it is exactly right."""

    def __init__(self):
        self.right = defaultdict(list)
        self.misses = defaultdict(list)

    def compare(self, name, found, truth):
        """Count each field of ``truth``, for the session ``name``."""
        for field, value in truth.items():
            verdict = self.right if found.get(field) == value else self.misses
            verdict[field].append(name)

    @property
    def fields(self):
        return list(dict.fromkeys([*self.right, *self.misses]))

    def rows(self):
        """Field, exact of n, and the misses by name."""
        for field in self.fields:
            missed = self.misses[field]
            named = ", ".join(missed[:MOST_NAMED]) + (" …" if len(missed) > MOST_NAMED else "")
            count = len(self.right[field])
            yield f"{field:<26} {count:>6} of {count + len(missed):<6} {named}".rstrip()
