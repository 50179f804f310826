"""People grade sampled sidebars; their grades become judgments."""
