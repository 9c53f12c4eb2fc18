# Topics, users and rights of the brokers that scripts/kafka runs, which reads this file: Kafka's own tools, by shorter names.

topics() { jars; tool org.apache.kafka.tools.TopicCommand --bootstrap-server "$(plaintext)" "$@"; }
configs() { jars; tool kafka.admin.ConfigCommand --bootstrap-server "$(plaintext)" "$@"; }
acls() { jars; tool org.apache.kafka.tools.AclCommand --bootstrap-server "$(plaintext)" "$@"; }

milliseconds() {
  [[ "$1" =~ ^([0-9]+)(d|h|m|s)$ ]] || usage "--retention $1: say 7d, 12h, 30m or 90s"
  local unit=${BASH_REMATCH[2]} of=1000
  case $unit in d) of=86400000 ;; h) of=3600000 ;; m) of=60000 ;; esac
  echo $((BASH_REMATCH[1] * of))
}

topic() {
  local verb=${1:-} dir=${2:-} name=${3:-}
  folder "$dir"
  shift $(($# < 3 ? $# : 3))
  case $verb in
    create)
      [ -n "$name" ] || usage "topic create: name it"
      local partitions=16 replication=$BROKERS args=()
      while [ $# -gt 0 ]; do
        case $1 in
          --compact) args+=(--config cleanup.policy=compact); shift; continue ;;
          --partitions) partitions=${2:-} ;; --replication) replication=${2:-} ;;
          --min-isr) args+=(--config "min.insync.replicas=${2:-}") ;;
          --retention) args+=(--config "retention.ms=$(milliseconds "${2:-}")") ;;
          --bytes) args+=(--config "retention.bytes=${2:-}") ;;
          --config) args+=(--config "${2:-}") ;;
          *) usage "topic create: there is no $1" ;;
        esac
        shift 2 || usage "the last flag has no value"
      done
      topics --create --topic "$name" --partitions "$partitions" --replication-factor "$replication" "${args[@]}" |
        { grep -v '^WARNING: Due to limitations in metric names' || true; } ;;
    list) if [ -n "$name" ]; then topics --describe --topic "$name"; else topics --describe --exclude-internal; fi ;;
    delete) [ -n "$name" ] || usage "topic delete: name it"; for name in "$name" "$@"; do topics --delete --topic "$name"; done ;;
    *) usage "topic create, list or delete" ;;
  esac
}

user() {
  local verb=${1:-} dir=${2:-} name=${3:-}
  folder "$dir"
  shift $(($# < 3 ? $# : 3))
  [ "$verb" = list ] || [[ "$name" =~ ^[A-Za-z0-9._-]+$ ]] || usage "user $verb: name the user"
  local file=$D/users/$name.password
  case $verb in
    add)
      local given= quotas=()
      while [ $# -gt 0 ]; do
        case $1 in
          --password-file) given=${2:-} ;; --produce) quotas+=("producer_byte_rate=${2:-}") ;;
          --consume) quotas+=("consumer_byte_rate=${2:-}") ;; --share) quotas+=("request_percentage=${2:-}") ;;
          *) usage "user add: there is no $1" ;;
        esac
        shift 2 || usage "the last flag has no value"
      done
      if [ -n "$given" ]; then head -1 "$given" > "$file"; elif [ ! -s "$file" ]; then made_up > "$file"; fi
      chmod 600 "$file"
      # By files, since command lines can be read by everybody; a password and quotas are set apart.
      set=$(mktemp "$D/users/.add-XXXXXX")
      trap 'rm -f "$set"' EXIT
      echo "SCRAM-SHA-512=iterations=4096,password=$(cat "$file")" > "$set"
      configs --alter --add-config-file "$set" --entity-type users --entity-name "$name" >/dev/null
      if [ ${#quotas[@]} -gt 0 ]; then
        printf '%s\n' "${quotas[@]}" > "$set"
        configs --alter --add-config-file "$set" --entity-type users --entity-name "$name" >/dev/null
      fi
      echo "password   $file" ;;
    list) configs --describe --entity-type users | sed 's/,iterations=[0-9]*//; s/, are SCRAM/ are SCRAM/' ;;
    remove)
      local had; had=$(configs --describe --entity-type users --entity-name "$name")
      if [[ "$had" == *SCRAM-SHA-512=* ]]; then
        configs --alter --entity-type users --entity-name "$name" --delete-config SCRAM-SHA-512 >/dev/null
      fi
      local quotas; quotas=$(grep -oE '(producer_byte_rate|consumer_byte_rate|request_percentage)=' <<< "$had" | tr -d = | paste -sd, || true)
      if [ -n "$quotas" ]; then
        configs --alter --entity-type users --entity-name "$name" --delete-config "$quotas" >/dev/null
      fi
      rm -f "$file" ;;
    *) usage "user add, list or remove" ;;
  esac
}

acl() {
  local verb=${1:-} dir=${2:-} name=${3:-}
  folder "$dir"
  shift $(($# < 3 ? $# : 3))
  [ "$verb" = list ] || [ -n "$name" ] || usage "acl $verb: name the user"
  case $verb in
    add)
      local of what args
      while [ $# -gt 0 ]; do
        of=${2:-}; [ -n "$of" ] || usage "$1 what?"
        case $1 in
          --read) what=(--operation Read --operation Describe --topic) ;;
          --write) what=(--operation Write --operation Describe --topic) ;;
          --create) what=(--operation Create --topic) ;;
          --group) what=(--operation Read --operation Describe --group) ;;
          --transactions) what=(--operation Write --operation Describe --transactional-id) ;;
          *) usage "acl add: there is no $1" ;;
        esac
        args=(--resource-pattern-type literal)
        [[ "$of" == *'*' ]] && [ "$of" != '*' ] && { args=(--resource-pattern-type prefixed); of=${of%'*'}; }
        acls --add --allow-principal "User:$name" "${what[@]}" "$of" "${args[@]}" >/dev/null
        shift 2
      done ;;
    list) acls --list ;;
    remove)
      # There is no "all of a user's": what it has is listed, and removed one by one.
      acls --list --principal "User:$name" | awk '
        /ResourcePattern/ { match($0, /resourceType=[A-Z_]+/); type = substr($0, RSTART + 13, RLENGTH - 13)
          match($0, /name=.*, patternType/); name = substr($0, RSTART + 5, RLENGTH - 18)
          match($0, /patternType=[A-Z]+/); pattern = substr($0, RSTART + 12, RLENGTH - 12) }
        /operation=/ { match($0, /operation=[A-Z_]+/); print type, pattern, substr($0, RSTART + 10, RLENGTH - 10), name }' |
        while read -r type pattern operation of; do
          type=$(tr '[:upper:]_' '[:lower:]-' <<< "$type") pattern=$(tr '[:upper:]' '[:lower:]' <<< "$pattern")
          acls --remove --force --allow-principal "User:$name" --operation "${operation//_/}" "--$type" "$of" \
            --resource-pattern-type "$pattern" >/dev/null </dev/null
        done ;;
    *) usage "acl add, list or remove" ;;
  esac
}
