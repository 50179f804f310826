"""From articles to candidate lists: full builds, and single articles into the live generation."""
