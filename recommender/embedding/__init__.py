"""Texts to vectors: the promise, sentence-transformers behind it, and how passages become one vector."""
