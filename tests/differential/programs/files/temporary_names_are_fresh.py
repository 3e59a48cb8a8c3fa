# fresh = true
import tempfile

print(tempfile.mktemp(), next(tempfile._get_candidate_names()))
