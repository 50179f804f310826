"""From a request to an answer, and what is written down of it."""
