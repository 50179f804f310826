"""Benchmarks: each module prints one table as Markdown. Figures are ratios of two things timed in turn in one run."""
