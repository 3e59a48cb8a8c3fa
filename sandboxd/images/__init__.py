"""Images: what they offer (manifest), where they are kept (store), how they are made (build).

Mounting them is the launcher's work.
"""
