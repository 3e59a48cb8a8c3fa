# It lies beside the program, which is no place where site looks.
# files = { "sitecustomize.py" = "print('customized', __file__)" }
print("main")
import sitecustomize
