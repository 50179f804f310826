"""Exact search: by embedding (scikit-learn) and by weighted terms (SciPy)."""
