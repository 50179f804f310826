"""From a request to an answer, and what is recorded of it."""
