"""What editors want: signals, rules, the matrix of sensitive content, and what they come to beside one article."""
