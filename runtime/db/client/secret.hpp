// The password of a database, as the environment tells it. Private to the library.
#pragma once

#include <string>
#include <string_view>

#include "db/client/inferclient.hpp"

namespace inferstep::client {

// What INFER_DB_SECRET_FILE names holds it, else INFER_DB_SECRET; empty: neither is set. The file is for TCP: a
// database behind a Unix socket is not asked for it. usage: the file cannot be read.
ClientStatus read_secret(std::string_view endpoint, std::string& secret);

}  // namespace inferstep::client
