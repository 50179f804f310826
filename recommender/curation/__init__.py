"""What editors decide:

signals, rules, the matrix of sensitive content, and the constraints that follow for a sidebar.
"""
