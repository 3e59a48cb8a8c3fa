# outcome = "NONZERO_EXIT"
import there_is_no_such_module
