"""What the command line and notebooks both do: whole runs over the assembled services."""
