average="$1"
days="$2"
echo "Average of $days days: $average degrees"
