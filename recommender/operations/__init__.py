"""What those who run the service need: backup and restore, integrity, and what is wrong with an installation."""
