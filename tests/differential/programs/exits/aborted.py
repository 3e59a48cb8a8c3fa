# outcome = "SIGNALED"
import os

print("lost")
os.abort()
