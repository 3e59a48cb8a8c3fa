# attack = "writes on past the largest file that may be, where a signal meets it"
# threats = [31]
# limits = { file_size_bytes = "1MiB" }
# outcome = "DISK_LIMIT"
# cause = "file_size_bytes"
# exit_code = 1
# stdout = """
# head ended with 153 at 1048576 bytes
# """
head -c 2M /dev/zero >large 2>/dev/null
echo "head ended with $? at $(stat -c %s large) bytes"
if [ "$(stat -c %s large)" -gt 1048576 ]; then
    echo "ESCAPED a file is larger than may be"
fi
exit 1
