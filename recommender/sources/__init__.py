"""From outside to articles: files, tables, and what takes their records in."""
