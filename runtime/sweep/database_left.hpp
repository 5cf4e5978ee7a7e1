// A database whose point cannot end it any more, because its script was killed.
#pragma once

#include <string>

namespace inferstep::sweep {

// Where the script in `directory` (a point's) did not come to its end: end the database that it had, and say so.
void end_left_database(const std::string& directory);

}  // namespace inferstep::sweep
