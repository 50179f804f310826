"""From a model version to readers: cards, comparison, gate, promotion, shadow runs, interleaving."""
