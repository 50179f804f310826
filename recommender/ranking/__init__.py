"""From candidates to the sidebar: pure functions over columns."""
