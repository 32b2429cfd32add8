"""HTTP: attempts, connections and time. The one folder that knows HTTP libraries.

`transport` sends a call, and sends it again as its kind allows (`retry` is that policy). It waits for its turn
(`pacing`, by the rule in `window`) and for a connection: one of ours (`lanes`), or the caller's own client (`clients`).
`exchange` is one request and its answer, and tells whether the request may have left; `over_httpx` and `over_aiohttp`
are that for each library. `settings` checks base URL, timeouts, proxy and certificates; `clocks` learns the service's
time. `telemetry` tells OpenTelemetry what becomes of calls, in the words of `outcomes`; `observed` says of which.

In comes a `Call` of `wire`; out goes its value, or an error that says whether the request may have been taken. It never
looks into a body, and knows nothing of orders, campaigns or stores but the moment of a record.
"""
