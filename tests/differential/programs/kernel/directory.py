import os

print(os.getcwd(), os.listdir(), os.stat(".").st_uid, oct(os.stat(".").st_mode))
