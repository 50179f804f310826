"""What is kept: one promise for each subject. `sql` keeps them."""
