"""From files to domain values: TOML and CSV in, frozen values out.

Everything is checked here, once, at the border: a loader reports all problems of a file together, each
with its line, and what it returns needs no further checking inside.
"""
