import json

text = json.dumps({"a": [1, 2.5, None, True, "ü"], "b": {"c": 1e100}}, indent=2, sort_keys=True)
print(text, json.loads(text))
