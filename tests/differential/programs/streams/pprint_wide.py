import pprint

pprint.pprint({"key " + str(i): list(range(i)) for i in range(12)})
