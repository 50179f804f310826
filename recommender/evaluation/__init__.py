"""How good the sidebars are, on judged queries and across the archive."""
