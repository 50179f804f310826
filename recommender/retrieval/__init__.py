"""Words and neighbours: weighted terms, exact search, and the usual methods for comparison."""
