import contextvars

print(list(contextvars.copy_context().items()))
variable = contextvars.ContextVar("variable", default=3)
print(variable.get(), len(contextvars.copy_context()))
