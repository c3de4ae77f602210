"""Functions as people write them with NumPy: array expressions rather than loops. `test_numpy_programs.py` runs them."""
