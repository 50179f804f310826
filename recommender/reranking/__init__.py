"""Readers of both texts: they grade how well candidates would stand beside an article, never during a page view."""
