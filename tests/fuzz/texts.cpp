// Fuzzes what is parsed elsewhere than in the module's commands; the first byte of an input says which:
//   R  a database's answer as our client library takes it      S  the module's arguments, a word a line
//   M  a model on a command line                            A  a message in a client's arena
//   C  a table as a report reads it                         I  the run.cfg of a session
//   H  what a stranger says to rank 0                       N  a list of nodes
#include <hiredis/hiredis.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <vector>

#include "comm/address.hpp"
#include "comm/frame.hpp"
#include "comm/hello.hpp"
#include "db/client/tensor_reply.hpp"
#include "db/options.hpp"
#include "inferdb/arena_message.hpp"
#include "inferdb/settings.hpp"
#include "report/csv.hpp"
#include "report/ini.hpp"

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

void take_table(std::string_view text) {
    report::CsvUse use;
    use.columns = {"name", "time"};
    use.more = {"node_id"};
    std::int64_t last = 1;
    use.row = [&](const std::vector<std::string>& fields, std::int64_t line) {
        check(fields.size() == 3 && line > last, "a row without its fields, or not below the one before");
        last = line;
        if (const auto seconds = report::field_number(fields[1], 0, 1e9)) {
            check(*seconds >= 0 && *seconds <= 1e9, "a number beyond its limits");
        }
    };
    use.bad = [&](std::int64_t line, const std::string& why) {
        check(line > last && !why.empty(), "a reason for nothing");
    };
    if (const Status s = report::scan_csv_text(text, "t.csv", use); !s) {
        check(s.error().message.starts_with("t.csv, line "), "an error without its line");
    }
}

void take_ini(std::string_view text) {
    const auto ini = report::IniFile::parse(text, "run.cfg");
    if (ini) {
        for (const auto& [key, value] : ini->members("attributes")) {
            check(ini->value("attributes", key) == value && ini->line("attributes", key) > 0,
                  "a key that is not found");
        }
    } else {
        check(ini.error().message.starts_with("run.cfg, line "), "an error without its line");
    }
}

// However the bytes are cut, the frames are the same, and no rank is let in that the step does not have.
void take_hello(std::string_view bytes) {
    comm::FrameReader whole(comm::kStrangerLimit);
    comm::FrameReader cut(comm::kStrangerLimit);
    whole.add(bytes);
    for (std::size_t at = 0; at < bytes.size(); at += 7) {
        cut.add(bytes.substr(at, 7));
    }
    comm::Hello own;
    own.step = "1.0";
    own.size = 4;
    while (const auto frame = whole.next()) {
        const auto same = cut.next();
        check(same && same->body == frame->body && frame->body.size() <= comm::kStrangerLimit, "another frame");
        bool ours = false;
        if (const auto hello = comm::read_hello(frame->body); hello && comm::denial(own, *hello, ours).empty()) {
            check(hello->peer.rank > 0 && hello->peer.rank < own.size && hello->step == own.step, "a rank too many");
        }
    }
    check(whole.bad() == (cut.next(), cut.bad()), "bad one way and not the other");
}

void take_nodes(std::string_view text) {
    const std::string node = comm::first_node(text);
    check(node.size() <= text.size() && node.find_first_of("[],") == std::string::npos, "no name of a node");
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
        case 'H':
            inferstep::fuzz::take_hello(rest);
            break;
        case 'N':
            inferstep::fuzz::take_nodes(rest);
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
        case 'C':
            inferstep::fuzz::take_table(rest);
            break;
        case 'I':
            inferstep::fuzz::take_ini(rest);
            break;
        default:
            break;
    }
    return 0;
}
