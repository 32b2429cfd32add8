"""The life of a single order, over a transport.

`once` sends an order, and one with a key once. `recovery` finds it again when its answer was lost: at once (`live`), or
in a later run (`enquiry`). Both are a `search` in lists and reports that all who look read together (`lookup`); it
leaves out what is `known`, minds what is on its way (`flights`), and judges the rest by the rules of `evidence`, and
of `schedules`.

`paging` reads lists that come in pages, and `places` tells where it is in them. `waiting` waits until an order is
finished, `cancelling` cancels one for certain, `registering` tells the registry of consents. `pieces` lets others in
the loop have their turn while work takes long. `face` puts together what the calls of a client go
through, `sharing` what its account's other clients share.

In come drafts, ids and a transport; out go orders, rows and errors. It knows nothing of campaigns.
"""
