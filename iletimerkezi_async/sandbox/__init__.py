"""A fake of the SMS service to develop and test against: it sends nothing, and remembers everything.

``Sandbox`` is the service, ``Style`` chooses how it writes its answers, ``Fault`` names what can be made to go
wrong, ``Weather`` bends what it tells of its orders, ``SandboxOrder`` is what it remembers of an accepted order.
"""

from iletimerkezi_async.sandbox.faults import Fault
from iletimerkezi_async.sandbox.orders import SandboxOrder
from iletimerkezi_async.sandbox.replies import Reply
from iletimerkezi_async.sandbox.sandbox import Sandbox
from iletimerkezi_async.sandbox.style import Style
from iletimerkezi_async.sandbox.weather import Weather

__all__ = ["Fault", "Reply", "Sandbox", "SandboxOrder", "Style", "Weather"]
