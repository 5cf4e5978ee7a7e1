// The commands of the module: one function each, called by Redis on its main thread. entry.cpp holds their table,
// inferstep-wire(7) their reference.
#pragma once

#include "inferdb/api.hpp"

namespace inferstep::command {

using redis::Blocked;
using redis::Context;
using redis::String;

int tensor_set(Context*, String** argv, int argc);
int tensor_get(Context*, String** argv, int argc);
int arena(Context*, String** argv, int argc);
int arena_get(Context*, String** argv, int argc);

int model_store(Context*, String** argv, int argc);
int model_set(Context*, String** argv, int argc);   // the older form of model_store
int model_file(Context*, String** argv, int argc);  // a package, from a file
int model_get(Context*, String** argv, int argc);
int model_del(Context*, String** argv, int argc);
int model_scan(Context*, String** argv, int argc);

int model_execute(Context*, String** argv, int argc);
int model_run(Context*, String** argv, int argc);  // the older form of model_execute

int script_store(Context*, String** argv, int argc);
int script_set(Context*, String** argv, int argc);  // the older form of script_store
int script_get(Context*, String** argv, int argc);
int script_del(Context*, String** argv, int argc);
int script_scan(Context*, String** argv, int argc);
int script_execute(Context*, String** argv, int argc);
int script_run(Context*, String** argv, int argc);  // the older form of script_execute

int dag_execute(Context*, String** argv, int argc);
int dag_execute_ro(Context*, String** argv, int argc);  // stores nothing
int dag_run(Context*, String** argv, int argc);         // the older forms
int dag_run_ro(Context*, String** argv, int argc);

int shard(Context*, String** argv, int argc);  // one of those that run, whose keys lie in several slots of this shard

int info(Context*, String** argv, int argc);
int config(Context*, String** argv, int argc);
int config_set(Context*, String** argv, int argc);  // see config_set.hpp

}  // namespace inferstep::command
