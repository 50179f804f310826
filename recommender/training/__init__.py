"""From texts and judgments to a model version."""
