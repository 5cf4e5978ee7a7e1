// The address file of a standard database: how its own step leaves it, and how others find it.
//
// It lies where both steps see it: in <directory>/<job>.<step>/address, the directory being INFER_ATTACH_DIR or
// ~/.inferstep/attach; the secret lies beside it. core/attach.hpp reads it, also in the plugin.
#pragma once

#include <string>
#include <vector>

#include "core/attach.hpp"
#include "core/result.hpp"

namespace inferstep {

struct DatabaseAddress {
    std::vector<std::string> shards;  // host:port, in the order of their slots
    std::string secret;               // of the clients; empty: they need none
    const char* type() const { return shards.size() > 1 ? "Clustered" : "Standalone"; }
    std::string endpoints() const;  // the value of SSDB
};

// Error: neither INFER_ATTACH_DIR nor HOME is set.
Result<std::string> attach_directory();

// Make `path` with mode 0700, and what leads to it. Error: it cannot be made, or is not ours alone.
Status make_private_directory(const std::string& path);

// Have the directory read anew: its cached listing may hide for half a minute what another machine made in it (NFS).
void refresh_directory(const std::string& path);

// Write <directory>/address and <directory>/secret: mode 0600, whole or not at all.
Status write_address(const std::string& directory, const DatabaseAddress& address);

// What that makes, in the order in which it is removed: the files, and the directory.
std::vector<std::string> address_files(const std::string& directory);

// The database `word` (JOB.STEP, a directory with an address file, or addresses) for a program started here; waits
// until it is there, at most `wait_s` seconds, and for it to accept a connection.
Status attach(const std::string& word, int wait_s, Attachment& attachment);

// Set the variables of the clients in this process' own environment.
void use_attachment(const Attachment& attachment);

// The same as lines for a shell: export NAME='VALUE'
std::string as_exports(const Attachment& attachment);

}  // namespace inferstep
