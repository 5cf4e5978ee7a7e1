#!/usr/bin/env bats
# Slurm without cgroups: proctrack/linuxproc follows parents, and so does jobacct_gather/linux. The databases have no parent
# in the step, lest a program find a child that it did not make: Slurm cannot count them and would not end them.

load ../lib/cluster
load ../lib/accounting
load ../lib/ends

setup_file() { cluster_start --nodes 1 --proctrack linuxproc --gather linux; }
teardown_file() { cluster_stop; }
setup() { cluster_require; }
teardown() { ends_teardown; }

@test "jobacct_gather/linux does not count the database: step.json has its figures and says so" {
    accounted_step
    assert_own_figures
    recorded '.gather == "jobacct_gather/linux" and .proctrack == "proctrack/linuxproc" and (.databases_counted | not)'
    recorded '.note | test("which the databases are not")'
    [ "$(sacct_rss "$JOB.0")" -lt 200000000 ]
    # What Slurm has is the tasks'.
    recorded '.tasks == .sacct and .tasks.max_rss_bytes < 2e8'
}

@test "R3: linuxproc leaves no orphan, however the step ends" { each_end; }
