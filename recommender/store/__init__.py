"""What is stored: one promise for each subject. `sql` keeps them."""
