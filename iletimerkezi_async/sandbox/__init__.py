"""A fake of the SMS service to develop and test against: it sends nothing, and remembers everything.

``Sandbox`` is the service, ``Style`` chooses how it writes its answers, ``Fault`` names what can be made to go
wrong, ``SandboxOrder`` is what it remembers of an accepted order.
"""

from iletimerkezi_async.sandbox.faults import Fault
from iletimerkezi_async.sandbox.orders import SandboxOrder
from iletimerkezi_async.sandbox.replies import Reply
from iletimerkezi_async.sandbox.sandbox import Sandbox
from iletimerkezi_async.sandbox.style import Style

__all__ = ["Fault", "Reply", "Sandbox", "SandboxOrder", "Style"]
