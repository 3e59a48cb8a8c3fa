# -*- coding: latin-1 -*-
print("grüße", ascii("ü"))
