# attack = "fills the memory with files, so that no process is to blame but the largest, which is init"
# threats = [3, 11]
# limits = { memory_bytes = "32MiB", disk_bytes = "512MiB", file_size_bytes = "512MiB" }
# outcome = "MEMORY_LIMIT"
# cause = "memory_bytes"
# stdout = ""
# caught_by = ["cgroup"]
head -c 256M /dev/zero >/tmp/file
if [ "$(stat -c %s /tmp/file)" -eq $((256 << 20)) ]; then
    echo "ESCAPED a file of 256 MiB"
fi
