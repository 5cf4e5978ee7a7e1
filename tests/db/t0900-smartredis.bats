#!/usr/bin/env bats
# SmartRedis' own Python client, unmodified, against a database as a step starts it: with the step's access rules and the
# step's environment.
load ../lib/smartredis

setup_file() { smartredis_serve; }
teardown_file() { smartredis_stop; }
setup() { smartredis_require; }

@test "tensors of every type and shape: put, get, copy, rename, delete" { smartredis tensors; }
@test "datasets with tensors and metadata" { smartredis datasets; }
@test "lists of datasets" { smartredis lists; }
@test "models: from memory and from a file, run, got back, deleted" { smartredis models; }
@test "models in chunks come back in one piece" { smartredis chunks; }
@test "scripts and functions" { smartredis scripts; }
@test "scripts on GPUs that are not there are refused in words" { smartredis scripts_without_gpus; }
@test "models on GPUs that are not there are refused in words" { smartredis models_without_gpus; }
@test "polling" { smartredis polling; }
@test "prefixes of ensembles" { smartredis prefixes; }
@test "statistics of models, and their reset" { smartredis ai_info; }
@test "information, settings, saving and flushing" { smartredis server; }
@test "a run of more than a second is waited for in the step's environment, and executed once" { smartredis patient; }
@test "outside of it, what a client that lost patience has left behind is not executed" { smartredis impatient; }
@test "every constructor" { smartredis options; }
