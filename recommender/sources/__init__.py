"""Where articles come from. Each source yields records; what an article is decides `recommender.article`."""
