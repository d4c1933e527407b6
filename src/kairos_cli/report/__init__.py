"""Say so: one versioned document for each answer, and renderers that are functions of it alone.

A document is a plain dictionary, ready for JSON. The readable formats all go through sections: titled
tables of text and plain lines. Nothing here decides or computes anything about pools.
"""
