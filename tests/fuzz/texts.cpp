// Fuzzes what is parsed elsewhere than in the module's commands; the first byte of an input says which:
//   R  a database's answer as our client library takes it      S  the module's arguments, a word a line
//   M  a model on a command line                            A  a message in a client's arena
#include <hiredis/hiredis.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <vector>

#include "db/client/tensor_reply.hpp"
#include "db/options.hpp"
#include "inferdb/arena_message.hpp"
#include "inferdb/settings.hpp"

namespace inferstep::fuzz {
namespace {

void check(bool holds, const char* what) {
    if (!holds) {
        std::fprintf(stderr, "WRONG: %s\n", what);
        std::abort();
    }
}

void take_reply(std::string_view bytes) {
    const std::unique_ptr<redisReader, void (*)(redisReader*)> reader(redisReaderCreate(), redisReaderFree);
    void* taken = nullptr;
    if (redisReaderFeed(reader.get(), bytes.data(), bytes.size()) != REDIS_OK ||
        redisReaderGetReply(reader.get(), &taken) != REDIS_OK || taken == nullptr) {
        return;
    }
    const std::unique_ptr<void, void (*)(void*)> reply(taken, freeReplyObject);
    const auto& answer = *static_cast<const redisReply*>(taken);
    Tensor tensor;
    if (client::copy_tensor(answer, "k", tensor)) {
        std::vector<std::byte> room(tensor.data.size());
        const TensorOut out{"k", tensor.type, room.data(), room.size()};
        check(static_cast<bool>(client::copy_tensor(answer, out)), "a tensor is taken one way and not the other");
        const TensorOut small{"k", tensor.type, room.data(), room.size() + 1};
        check(!client::copy_tensor(answer, small), "a tensor is taken into room of another size");
    }
}

void take_settings(std::string_view text) {
    std::vector<std::string_view> words;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        words.push_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    if (const auto settings = parse_settings(words)) {
        check(settings->workers >= 1 && settings->threads >= 1 && settings->max_queue >= 1, "settings out of range");
    }
}

void take_message(std::string_view bytes) {
    ArenaMessage message{};
    bytes.copy(reinterpret_cast<char*>(&message), sizeof message);
    constexpr std::uint64_t kRoom = 1 << 20;
    if (const auto put = read_arena_put(message, kRoom)) {
        check(put->bytes <= kRoom && put->offset <= kRoom - put->bytes && put->slot < kArenaSlots && !put->key.empty(),
              "a message leads out of the arena");
    }
}

void take_model(std::string_view text) {
    if (const auto model = parse_model(std::string(text), "/nowhere")) {
        check(!model->name.empty() && model->path.starts_with('/'), "a model without name or place");
    }
}

}  // namespace
}  // namespace inferstep::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const std::string_view rest = text.empty() ? text : text.substr(1);
    switch (text.empty() ? '\0' : text.front()) {
        case 'R':
            inferstep::fuzz::take_reply(rest);
            break;
        case 'S':
            inferstep::fuzz::take_settings(rest);
            break;
        case 'M':
            inferstep::fuzz::take_model(rest);
            break;
        case 'A':
            inferstep::fuzz::take_message(rest);
            break;
        default:
            break;
    }
    return 0;
}
