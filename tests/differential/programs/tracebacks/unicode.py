# outcome = "NONZERO_EXIT"
größe = "ünïcödé ☃"
raise ValueError(größe, "日本", "\ud800")
