# attack = "executes itself again and again"
# threats = [19]
# limits = { cpu_time = "0.3s" }
# outcome = "CPU_TIME_LIMIT"
# cause = "cpu_time"
# stdout = ""
[ "${1:-0}" -lt 3000 ] && exec bash "$0" $((${1:-0} + 1))
echo ESCAPED 3000 programs in one process
