# outcome = "SIGNALED"
raise KeyboardInterrupt
