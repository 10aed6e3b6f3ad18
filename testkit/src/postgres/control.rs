//! How a supervisor handles a cluster: the shell functions of [`Server`](crate::server::Server).

/// `$2` is the folder of the programs, `$3` that of their libraries or empty.
pub(super) const CONTROL: &str = r#"
programs=$2 libraries=$3
[ -z "$libraries" ] || export LD_LIBRARY_PATH="$libraries"
control() { "$programs/pg_ctl" -D "$folder/data" -w "$@"; }
start() { control -l "$folder/report" start; }
stop() { control -m fast stop; }
crash() { control -m immediate stop; }
"#;

/// A cluster of one's own, from the prepared data `$4`.
pub(super) const COPY: &str = r#"
prepared=$4
prepare() { cp -R -p "$prepared" "$folder/data"; }
leave() { :; }
"#;

/// A cluster that stays: its data is there already. It ends in good order, also when whoever started it was
/// killed; and one whose supervisor was killed is stopped first.
///
/// It runs for years, so its log is a file for each day of the week; the report has what comes before that begins.
pub(super) const KEEP: &str = r#"
open_folder() { [ -d "$folder/data" ]; }
close_folder() { stop; }
prepare() { : >"$folder/report"; stop || :; }
start() {
    control -l "$folder/report" -o "-c logging_collector=on -c log_directory=log -c log_filename=day-%u.log \
        -c log_rotation_age=1d -c log_rotation_size=0 -c log_truncate_on_rotation=on" start
}
"#;

/// A replica of the cluster whose socket is in `$4`, by a replication slot of the name `$5`.
///
/// The slot is dropped with the replica, since it would keep the primary's log for ever; a primary that
/// is gone took it along. It stays in use until the primary has noticed that the replica left.
pub(super) const BACK_UP: &str = r#"
primary=$4 slot=$5
prepare() {
    "$programs/pg_basebackup" -h "$primary" -p 5432 -U postgres --no-password -D "$folder/data" \
        --wal-method=stream --create-slot --slot="$slot" --write-recovery-conf \
        --checkpoint=fast --no-sync
}
leave() {
    attempts=0
    until [ ! -S "$primary/.s.PGSQL.5432" ] || [ "$attempts" -eq 50 ] ||
        "$programs/psql" -h "$primary" -p 5432 -U postgres --no-password --no-psqlrc -d postgres \
            -c "select pg_drop_replication_slot('$slot')"; do
        attempts=$((attempts + 1))
        sleep 0.02
    done
}
"#;
