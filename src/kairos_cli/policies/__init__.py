"""Who serves a query: one file a policy, each a manual page and one compiled kernel.

`policies.state` says what a kernel sees and answers. The simulator and a live router call the very same
kernels; the router brings the clock. `NAMES` is the list of policies; importing it compiles nothing.
"""

#: Each policy by the name on the command line, with what it is in a few words; the order is their number
#: in `policies.dispatch`.
NAMES = {
    "fcfs": "first come, first served (Ribbon)",
    "deeprecsys": "large queries to the base type, small to the others (DeepRecSys)",
    "clockwork": "earliest predicted finish (Clockwork)",
    "greedy": "cheapest instance that is in time",
    "least_loaded": "fewest outstanding queries",
    "instance_aware": "fewest outstanding queries for its speed",
    "kairos": "matching of queries and instances (KAIROS, published)",
    "shadow": "matching by shadow prices, with waiting (ours)",
}
