"""The API: recommend, articles, events, and what all of its answers share."""
