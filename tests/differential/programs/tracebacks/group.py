# outcome = "NONZERO_EXIT"
errors = []
for call in (lambda: 1 / 0, lambda: int("x"), lambda: [][1]):
    try:
        call()
    except Exception as error:
        errors.append(error)
raise ExceptionGroup("several", errors)
