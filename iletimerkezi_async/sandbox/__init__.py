"""A fake of the SMS service to develop and test against: it sends nothing, and remembers everything.

``Sandbox`` is the service, ``Style`` chooses how it writes its answers, ``Fault`` names what can be made to go
wrong, ``Weather`` bends what it tells of its orders, ``SandboxOrder`` is what it remembers of an accepted order.

It imports nothing of the client's building and reading of the wire, so that the two cannot agree on a mistake. Its
files, from the top:

- ``sandbox`` is the public face, with ``options`` for its arguments.
- Doors: ``server``, ``app`` and ``guard`` (HTTP), ``pages`` and ``views`` (a browser), ``transport`` (in process),
  ``webhooks`` and ``outbox`` (calls to the outside).
- ``service`` takes a request in one of the ``notations`` (``bodies``, ``xml_reader``, ``xml_writer``), meets the
  planned ``faults``, and answers through ``replies``.
- Operations: ``sending``, ``reporting``, ``blocking``, ``consents``; ``account`` has the two that only show it;
  ``traffic`` stands for other programs. ``acceptance`` is where an order becomes one.
- What is told and how: ``weather``, ``style``, ``codes``.
- What is remembered: ``orders``, ``ledger``. What they all need: ``clock``, ``dates``, ``lengths``, ``phones``.
"""

from iletimerkezi_async.sandbox.faults import Fault
from iletimerkezi_async.sandbox.orders import SandboxOrder
from iletimerkezi_async.sandbox.replies import Reply
from iletimerkezi_async.sandbox.sandbox import Sandbox
from iletimerkezi_async.sandbox.style import Style
from iletimerkezi_async.sandbox.weather import Weather

__all__ = ["Fault", "Reply", "Sandbox", "SandboxOrder", "Style", "Weather"]
