"""The store: SQLAlchemy tables on SQLite or PostgreSQL, behind `recommender.store.base.Store`."""
