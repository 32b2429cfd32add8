"""Any number of recipients: nobody twice, nobody lost.

`sources` reads whatever can be read, a piece at a time; `intake` cleans it and packs it into orders, and `seen`
remembers who was there before. `campaign` hands the orders out, each a `task`; `dispatch` sends them, `settling` finds
out about those of earlier runs, and `narrowing` finds the recipients over whom one was refused, with the blacklist that
`blocked` reads. `tally` keeps account of every recipient.

In come a source, a template and an open journal; out goes a `BulkResult`. It never builds a request: `orders` sends.
"""
