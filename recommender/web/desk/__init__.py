"""The editors' desk: one blueprint for each subject, all behind signing in."""
