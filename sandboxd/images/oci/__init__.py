"""Images as others have them: the formats of OCI and Docker, into blobs and trees and back.

What comes from elsewhere is hostile until checked: each module says what it refuses.
"""
