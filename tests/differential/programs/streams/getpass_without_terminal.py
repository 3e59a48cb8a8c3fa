# stdin = "secret\n"
import getpass
import warnings

warnings.simplefilter("ignore")
print(getpass.getpass("Password: "), getpass.getuser())
