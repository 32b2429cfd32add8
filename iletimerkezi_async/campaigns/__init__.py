"""Any number of recipients: nobody twice, nobody lost.

`intake` reads a source piece by piece, cleans it and packs it into orders; `seen` remembers who was there before;
`campaign` sends the orders, each a `task`, and `settling` those of earlier runs; `tally` keeps account of every
recipient.

In come a source, a template and an open journal; out goes a `BulkResult`. It never builds a request: `orders` sends.
"""
