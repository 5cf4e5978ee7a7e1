// `inferstep db serve`: the databases of one node, until their step is over.
#pragma once

#include "db/options.hpp"

namespace inferstep {

// Run the supervisor as `arguments` say and return its exit code. Whatever fails before the databases are ready is told
// to those who wait on the page, if there is one, and else printed: a wrong option as well.
int serve(const DbArguments& arguments);

// One node's part of `inferstep db standard`, in the foreground. Options that are wrong are printed.
int serve_standard(const DbArguments& arguments);

}  // namespace inferstep
