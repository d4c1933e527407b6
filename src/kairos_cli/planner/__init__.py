"""Which pool: candidates, enumeration, the two bounds, the integer programs, the choice.

Nothing here simulates. A caller that can measure a pool passes that in as a function pool -> qps.
"""
