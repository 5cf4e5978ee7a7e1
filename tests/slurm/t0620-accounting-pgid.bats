#!/usr/bin/env bats
# Slurm at its poorest: proctrack/pgid knows the tasks' process groups alone, and the databases are in none of them.

load ../lib/cluster
load ../lib/accounting
load ../lib/ends

setup_file() { cluster_start --nodes 1 --proctrack pgid --gather linux; }
teardown_file() { cluster_stop; }
setup() { cluster_require; }
teardown() { ends_teardown; }

@test "proctrack/pgid does not count the database: step.json has its figures and says so" {
    accounted_step
    assert_own_figures
    recorded '.gather == "jobacct_gather/linux" and .proctrack == "proctrack/pgid" and (.databases_counted | not)'
    [ "$(sacct_rss "$JOB.0")" -lt 200000000 ]
    recorded '.tasks == .sacct and .tasks.max_rss_bytes < 2e8'
}

@test "R3: pgid leaves no orphan, however the step ends" { each_end; }
