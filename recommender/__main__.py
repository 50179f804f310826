"""`python -m recommender` is the command `recommender`."""

from recommender.cli import main

main()
