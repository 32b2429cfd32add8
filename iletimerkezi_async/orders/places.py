"""A reader's position in a list of pages, and the end of the list."""

from __future__ import annotations

# The page size of `get-reports` as seen in public code; the documentation does not tell.
_ORDERS_PAGE = 30


def _may_be_a_limit(rows: int) -> bool:
    """Whether the server's own limit may have cut off a page: limits are round numbers."""
    return rows % 5 == 0


def _larger(total: int | None, told: int | None) -> int | None:
    """Give the larger of two totals, either of which may be missing."""
    return max((each for each in (total, told) if each is not None), default=None)


class Cursor:
    """A position in a list whose page size the reader chooses.

    A server may give fewer rows than it was asked for, and its total may be too small or too large. Two rules make sure
    that no row is missed:

    - The next page begins with the next row. So its size divides the number of rows that were read.
    - No page is larger than the first one. If a server limits its pages, it is not known whether their offsets count
      the rows asked for or the rows given; up to the limit both are the same.

    Attributes:
        read: The number of rows that were read.
        total: The number of all rows, by the largest total of any page; `None` if no page told one.
        ended: Whether there are no further rows, as far as pages and total tell.
    """

    def __init__(self, size: int) -> None:
        self.read = 0
        self.total: int | None = None
        self.ended = False
        self._limit = size
        self._was_short = False

    @property
    def size(self) -> int:
        """The size of the next page."""
        return next(size for size in range(self._limit, 0, -1) if self.read % size == 0)

    @property
    def page(self) -> int:
        """The number of the page of this size that begins with the next row."""
        return self.read // self.size + 1

    @property
    def lacks_rows(self) -> bool:
        """Whether fewer rows were read than the total promises."""
        return self.total is not None and self.read < self.total

    def may_be_beyond(self, rows: int) -> bool:
        """Whether the next page, with so many rows, may be beyond the end, where some servers repeat another page."""
        return self._was_short or (self.total is not None and self.read + rows > self.total)

    def due(self, limit: int) -> range:
        """Give the numbers of the next pages to read at once: at most `limit`, as far as the total promises rows."""
        size, page = self.size, self.page
        missing = self.total - self.read if self.total is not None else 0
        # Small pages are read one at a time, only to reach a position where a large one can begin.
        ahead = min(limit, -(-missing // size)) if size > self._limit // 2 else 1
        return range(page, page + max(1, ahead))

    def hear(self, total: int | None) -> None:
        """Take in the total of a page."""
        self.total = _larger(self.total, total)

    def take(self, rows: int) -> None:
        """Advance by a page of the present `size`.

        Args:
            rows: The number of its rows.
        """
        self._was_short = rows < self.size
        is_first = not self.read
        if is_first and rows:
            self._limit = rows
        self.read += rows
        if not rows:
            # If rows are missing, the next request asks for them again.
            self.ended = not self.lacks_rows
        elif self._was_short:
            # A total below the number of rows is wrong, and does not show the end.
            self.ended = self.read == self.total
            if self.total is None:
                self.ended = not (is_first and _may_be_a_limit(rows))


class ServiceCursor:
    """A position in a list whose page size the service chooses.

    Attributes:
        read: The number of rows that were read, repeated ones included.
        total: The number of all rows, by the largest total of any page; `None` if no page told one.
        page: The number of the next page.
        ended: Whether there are no further rows, as far as pages and total tell.
    """

    def __init__(self) -> None:
        self.read = 0
        self.total: int | None = None
        self.page = 1
        self.ended = False
        self._largest = 0

    def hear(self, total: int | None) -> None:
        """Take in the total of a page."""
        self.total = _larger(self.total, total)

    def take(self, rows: int) -> None:
        """Advance by a page.

        Args:
            rows: The number of its rows.
        """
        # A full page may not be the last, even at the total, which may lag, or be that of the page alone.
        is_full = rows >= _ORDERS_PAGE or (rows >= self._largest if self._largest else _may_be_a_limit(rows))
        self._largest = max(self._largest, rows)
        self.read += rows
        self.page += 1
        self.ended = not rows or (self.read == self.total and not is_full)
