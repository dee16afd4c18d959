"""Ways around faults of TensorFlow and Keras, one file for each.

Each file says what is wrong, in which versions and where it was reported.
`tests/upstream/test_canaries.py` fails on the day that one is no longer needed. Nothing
here imports anything else of this package.
"""
