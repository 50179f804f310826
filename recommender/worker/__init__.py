"""The process that holds the embedding model, and how others reach it."""
