"""At run time: the same policies on live queries, by the Open Inference Protocol V2.

What needs the libraries of the extra `serve` imports them inside functions or stands in a file of its own.
"""
