"""What an article is, what it says and names, and by which address it is found."""
