"""What exists: instance types, latency profiles, the query mix, the target, pools, the question.

Frozen values without input or output. Nothing here imports another folder of kairos.
"""
