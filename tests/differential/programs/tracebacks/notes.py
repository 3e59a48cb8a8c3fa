# outcome = "NONZERO_EXIT"
error = RuntimeError("with notes")
error.add_note("a note")
error.add_note("two\nlines")
raise error
