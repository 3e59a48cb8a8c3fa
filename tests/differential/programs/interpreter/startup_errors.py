# What stands in the way of site is told before the program, and then it runs.
# files = { ".local/lib/python3.11/site-packages/broken.pth" = "import there_is_none\n" }
print("main")
