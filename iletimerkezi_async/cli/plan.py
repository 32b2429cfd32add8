"""What a campaign is to be, as it was typed."""

from collections.abc import AsyncIterable, Iterable

from attrs import frozen

from iletimerkezi_async.models import Message
from iletimerkezi_async.wire.draft import Draft, check_text

from .lists import RecipientList
from .template import Template

__all__ = ["Plan"]


@frozen(repr=False)
class Plan:
    """A campaign that has not begun.

    Attributes:
        recipients: The list, open.
        template: The text.
        terms: The sender, the choice about consent, and the time.
        batch_size: Recipients in an order.
        total: How many rows the list has, where that is known.
    """

    recipients: RecipientList
    template: Template
    terms: Draft
    batch_size: int
    total: int | None

    def numbers(self) -> Iterable[str] | AsyncIterable[str]:
        """Everybody, where the text is the same for all."""
        return self.recipients.rows(self.recipients.number)

    def messages(self) -> Iterable[Message] | AsyncIterable[Message]:
        """Everybody with a text of their own."""
        return self.recipients.rows(self.template.reader(self.recipients))

    def check(self) -> None:
        """Refuse what can be told already.

        Raises:
            WrongUsageError: The text names a column that is not there.
            IletimerkeziError: The text is empty or too long.
        """
        if self.template.text is None:
            self.template.reader(self.recipients)
        else:
            check_text(Message(self.template.text, ()))
