"""Would it hold: an event-driven simulation of a pool under a policy, and the rate it allows.

`streams` draws the queries, `engine` runs them, `simulator` repeats that for every replication, `allowable`
searches for the rate, `tuning` finds a policy's best option, `observe` puts a run in figures, `evaluation`
sets policies side by side, `measure` is what the planner is given.
"""
