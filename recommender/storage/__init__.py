"""The store: SQLAlchemy tables on SQLite or PostgreSQL, behind `recommender.interfaces.Store`."""
