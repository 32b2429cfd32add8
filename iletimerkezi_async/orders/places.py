"""The position of a reader in a list in pages, and the list's end."""

from __future__ import annotations

# The page size of `get-reports` as seen in public code; the documentation does not tell.
_ORDERS_PAGE = 30


def _may_be_a_limit(rows: int) -> bool:
    """Whether a page may have been cut off by a limit of the server's own: limits are round numbers."""
    return rows % 5 == 0


def _larger(total: int | None, told: int | None) -> int | None:
    """The larger of two totals, of which either may be lacking."""
    return max((each for each in (total, told) if each is not None), default=None)


class Cursor:
    """A position in a list whose pages have a size that the reader chooses.

    A server may give fewer rows than it was asked for, and its total may lag behind the rows or promise too many.
    Two rules keep every row nevertheless:

    - The next page begins with the next row. So its size divides the number of rows that were read.
    - No page is asked to be larger than the first one was. Where a server has a limit of its own, it is not known
      whether a later page begins after the rows asked for or the rows given; up to its limit these are the same.

    Attributes:
        read: How many rows were read.
        total: How many rows there should be: the most that any page told; `None` where none did.
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
        """How many rows to ask for next."""
        return next(size for size in range(self._limit, 0, -1) if self.read % size == 0)

    @property
    def page(self) -> int:
        """The number of the page of that size which begins with the next row."""
        return self.read // self.size + 1

    @property
    def lacks_rows(self) -> bool:
        """Whether fewer rows were read than there should be."""
        return self.total is not None and self.read < self.total

    def may_be_beyond(self, rows: int) -> bool:
        """Whether the next page, with so many rows, may be beyond the end: some servers then give another one."""
        return self._was_short or (self.total is not None and self.read + rows > self.total)

    def due(self, most: int) -> range:
        """The numbers of the pages to ask for at once: `most` of them where the total says that they have rows."""
        size, page = self.size, self.page
        missing = self.total - self.read if self.total is not None else 0
        # Pages smaller than need be only lead to a place from which larger ones go on.
        ahead = min(most, -(-missing // size)) if size > self._limit // 2 else 1
        return range(page, page + max(1, ahead))

    def hear(self, total: int | None) -> None:
        """Note the total that a page tells."""
        self.total = _larger(self.total, total)

    def take(self, rows: int) -> None:
        """Go on by one page, which was asked for in the present `size`.

        Args:
            rows: How many rows it has.
        """
        self._was_short = rows < self.size
        is_first = not self.read
        if is_first and rows:
            self._limit = rows
        self.read += rows
        if not rows:
            # Where rows are lacking, asking on is asking for them again.
            self.ended = not self.lacks_rows
        elif self._was_short:
            # A total that is less than what came is wrong, and tells nothing of the end.
            self.ended = self.read == self.total
            if self.total is None:
                self.ended = not (is_first and _may_be_a_limit(rows))


class ServiceCursor:
    """A position in a list whose pages have a size that the service chooses.

    Attributes:
        read: How many rows were read, those that came again included.
        total: How many rows there should be: the most that any page told; `None` where none did.
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
        """Note the total that a page tells."""
        self.total = _larger(self.total, total)

    def take(self, rows: int) -> None:
        """Go on by one page.

        Args:
            rows: How many rows it has.
        """
        # A full page is never the last for certain, as the total may lag; nor may it be the page's own count.
        is_full = rows >= _ORDERS_PAGE or (rows >= self._largest if self._largest else _may_be_a_limit(rows))
        self._largest = max(self._largest, rows)
        self.read += rows
        self.page += 1
        self.ended = not rows or (self.read == self.total and not is_full)
