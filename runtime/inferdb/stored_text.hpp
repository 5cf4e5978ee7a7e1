// Texts of an RDB file, and the commands of an append-only file.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "inferdb/api.hpp"

namespace inferstep {

void save_text(redis::Io* io, std::string_view text);
void save_texts(redis::Io* io, const std::vector<std::string>& texts);

// What cannot be read is empty, and redis::IsIOError() says so; at most 4096 texts are read.
std::string load_text(redis::Io* io);
std::vector<std::string> load_texts(redis::Io* io);

// Bytes that stay in Redis' memory. `owner` is null when they cannot be read.
struct LoadedBytes {
    std::string_view bytes;
    std::shared_ptr<const void> owner;
};
LoadedBytes load_bytes(redis::Io* io);

// Write "command key words… last" into the append-only file.
void emit_command(redis::Io* io, const char* command, redis::String* key, const std::vector<std::string>& words,
                  std::string_view last);

}  // namespace inferstep
