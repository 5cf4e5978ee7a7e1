#!/usr/bin/env bats
# SmartRedis' own Python client, unmodified, against a Redis Cluster of three shards.
load ../lib/smartredis

setup_file() { smartredis_cluster; }
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
@test "every constructor" { smartredis options; }
