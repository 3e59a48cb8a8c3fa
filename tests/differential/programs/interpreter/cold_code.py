import dis
import json.decoder
import os.path

print([i.opname for i in dis.get_instructions(json.decoder.JSONDecoder.decode, adaptive=True)][:12])
