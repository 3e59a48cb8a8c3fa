# stdin = "1 + 1\nx = [\n1]\nx\n1/0\n"
import code

code.interact("banner", local={}, exitmsg="bye")
