// Fuzzes every command of the module. An input is text: a word a line, an empty line between commands; \xNN in a word
// is a byte. See redis_host.hpp for the signs that a command may begin with.
#include <cctype>
#include <cstdint>
#include <string_view>

#include "redis_host.hpp"

namespace inferstep::fuzz {
namespace {

int digit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0 ? c - '0' : (std::tolower(c) - 'a') + 10; }

std::string unescaped(std::string_view line) {
    std::string word;
    for (std::size_t i = 0; i < line.size(); ++i) {
        const bool escape = line.substr(i, 2) == "\\x" && i + 3 < line.size() &&
                            std::isxdigit(line[i + 2] & 0x7f) != 0 && std::isxdigit(line[i + 3] & 0x7f) != 0;
        word += escape ? static_cast<char>(digit(line[i + 2]) * 16 + digit(line[i + 3])) : line[i];
        i += escape ? 3 : 0;
    }
    return word;
}

void run(std::string_view text) {
    std::vector<std::string> words;
    const auto flush = [&words] {
        if (!words.empty()) {
            execute(words);
        }
        words.clear();
    };
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        if (end == 0) {
            flush();
        } else {
            words.push_back(unescaped(text.substr(0, end)));
        }
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    flush();
    finish();
}

}  // namespace
}  // namespace inferstep::fuzz

extern "C" int LLVMFuzzerInitialize(int*, char***) {
    inferstep::fuzz::start_host(
        {"TPQ", "2", "THREADS", "1", "MAXQUEUE", "8", "MAXTENSOR", "100000", "MAXMODEL", "5000"});
    return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    inferstep::fuzz::run({reinterpret_cast<const char*>(data), size});
    return 0;
}
