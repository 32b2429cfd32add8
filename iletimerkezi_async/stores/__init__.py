"""What outlives a process: the journal of a campaign.

`records` is what is written down, as pure values; `journal` keeps them in a file; `files` sees that a file is its
owner's alone.

In come records and fingerprints. No text and no credential is ever stored, and nothing here knows HTTP or how an order
is settled.
"""
