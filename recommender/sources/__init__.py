"""From outside to articles: files, tables, and the use cases that store their records."""
