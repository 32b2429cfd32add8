"""The wire: what is asked, and how answers are read.

For each subject of the service one module holds its requests beside the reading of their answers: `account`,
`sending`, `reports`, `blacklist`, `consents`, `webhook`. Below them, `arguments`, `draft`, `dates` and `credentials`
check what goes out, `packing` puts an order together, `call` says what an attempt can end in, and `reading` copes with
types that vary.

What arrives from outside is read leniently in its types and strictly in its meaning: codes, ids and counters come as
integers or strings, a repeated element as a list, a single value or one of several kinds of nothing, and fields that
the provider documented later may be missing.

In come Python's values and an answer's bytes; out go bytes, values and complaints. It never does I/O, and knows neither
HTTP's connections nor the clock's waiting: a test needs no server.
"""
