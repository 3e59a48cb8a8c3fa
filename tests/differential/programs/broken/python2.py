# outcome = "NONZERO_EXIT"
print "hello"
