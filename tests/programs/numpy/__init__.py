"""Functions as people write them with NumPy: array expressions rather than loops; run by `test_numpy_programs.py`."""
