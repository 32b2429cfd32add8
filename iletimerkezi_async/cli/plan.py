"""The plan of a campaign, made from the command's arguments."""

from collections.abc import AsyncIterable, Iterable, Iterator, Sequence
from typing import Literal, cast

from attrs import define, field, frozen

from iletimerkezi_async.errors import ConfigurationError
from iletimerkezi_async.filling import Template
from iletimerkezi_async.models import Message
from iletimerkezi_async.results import Refusal
from iletimerkezi_async.wire.draft import Draft, check_text

from .lists import RecipientList
from .messages import WrongUsageError
from .tables import Row

__all__ = ["MOST_EXAMPLES", "Notes", "Plan", "read_template"]

#: Messages that are shown before anything is sent.
MOST_EXAMPLES = 3


@define(repr=False)
class Notes:
    """Facts found while the list is read.

    Attributes:
        empty: Empty values of the text's columns.
        examples: The first messages to be sent.
    """

    empty: int = 0
    examples: list[tuple[str, str]] = field(factory=list[tuple[str, str]])


@frozen(repr=False)
class Plan:
    """A campaign that has not begun.

    Attributes:
        recipients: The list, open.
        template: The text.
        terms: The sender, the choice about consent, and the time.
        batch_size: Recipients in an order.
        unknown: The decision about recipients of orders that stay unknown.
        settle_for: Seconds to look for orders that may have been accepted.
        allow_new_texts: Whether recipients who had another text are texted again.
        notes: Findings so far.
    """

    recipients: RecipientList
    template: Template
    terms: Draft
    batch_size: int
    unknown: Literal["keep", "as_sent", "as_not_sent"]
    settle_for: float
    allow_new_texts: bool
    notes: Notes = field(factory=Notes)

    def numbers(self) -> "Iterable[str] | AsyncIterable[str]":
        """All numbers, for a campaign with one text for all."""
        # The campaign accepts a refusal in place of a number, and lists it.
        return cast("Iterable[str]", self.recipients.rows(self._read_numbers))

    def messages(self) -> "Iterable[Message | Refusal] | AsyncIterable[Message | Refusal]":
        """A message for each row.

        Raises:
            WrongUsageError: The text names a column that does not exist.
        """
        columns = self._find_columns()

        def read(rows: Sequence[Row]) -> Iterator[Message | Refusal]:
            for row in rows:
                values = [row.cells[index] if index < len(row.cells) else None for index in columns]
                self.notes.empty += sum(value is not None and not value.strip() for value in values)
                message = self.template.message(self.recipients.where(row), self.recipients.number(row), values)
                if isinstance(message, Message):
                    self._keep(str(message.to[0]), message.text)
                yield message

        return self.recipients.rows(read)

    def check(self) -> None:
        """Refuse a text that does not fit the list, or cannot be sent.

        Raises:
            WrongUsageError: The text names a column that does not exist, or uses the fields of another program.
            IletimerkeziError: The text is empty or too long.
        """
        try:
            self.template.check_signs(self.recipients.layout.header)
        except ConfigurationError as error:
            raise WrongUsageError(f"{self.recipients.name}: {error}") from None
        if self.template.text is None:
            self._find_columns()
        else:
            check_text(Message(self.template.text, ()))

    def _read_numbers(self, rows: Sequence[Row]) -> Iterator[str | Refusal]:
        for number in self.recipients.numbers(rows):
            if isinstance(number, str):
                self._keep(number, self.template.text or "")
            yield number

    def _keep(self, number: str, text: str) -> None:
        if len(self.notes.examples) < MOST_EXAMPLES:
            self.notes.examples.append((number, text))

    def _find_columns(self) -> list[int]:
        header, name = self.recipients.layout.header, self.recipients.name
        if not header:
            wanted = self.template.names[0]
            raise WrongUsageError(
                f"{name} has no header, and so no column {wanted!r} for the text; say --header if its first row is one"
            )
        try:
            return self.template.find_columns(header)
        except ConfigurationError as error:
            raise WrongUsageError(f"{name}: {error}") from None


def read_template(written: str) -> Template:
    """The text that was typed.

    Raises:
        WrongUsageError: Its braces are wrong.
    """
    try:
        return Template(written)
    except ConfigurationError as error:
        raise WrongUsageError(str(error)) from None
