# files = { ".local/lib/python3.11/site-packages/mine.pth" = "import sys; print('pth', sys.argv)\n/tmp\n" }
import sys

print(sys.path)
