"""What editors do and see, whatever page shows it."""
