#include "report/read_rows.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <vector>

#include "core/fd.hpp"
#include "core/log.hpp"
#include "core/text.hpp"

namespace inferstep::report {
namespace {

constexpr std::size_t kBlock = std::size_t{256} << 10;  // also the longest line
constexpr std::size_t kShown = 40;                      // of a bad field

std::string shown(std::string_view text) {
    return printable(text.substr(0, kShown)) + (text.size() > kShown ? "…" : "");
}

class RowScanner {
   public:
    RowScanner(int rank, const RowUse& use) : use_(use), rank_(std::to_string(rank)) {}

    // Takes the whole lines of `text`; returns how much that was.
    std::size_t take(std::string_view text) {
        std::size_t taken = 0;
        while (const void* end = std::memchr(text.data() + taken, '\n', text.size() - taken)) {
            const auto length = static_cast<std::size_t>(static_cast<const char*>(end) - text.data()) - taken;
            ++line_;
            take_line(text.substr(taken, length));
            taken += length + 1;
        }
        return taken;
    }

    void take_rest(std::string_view text) {
        if (!trimmed(text).empty()) {
            use_.bad(line_ + 1, fmt::format("'{}' has no end of line: the row may be cut off", shown(text)));
        }
    }

    void give_up() {
        use_.bad(line_ + 1, "this line has no end: the file is no table, and the rest of it is not read");
    }

   private:
    void take_line(std::string_view text) {
        const std::size_t first = text.find(',');
        const std::size_t second = first == std::string_view::npos ? first : text.find(',', first + 1);
        if (second == std::string_view::npos) {
            if (!trimmed(text).empty()) {
                use_.bad(line_, fmt::format("'{}' is no row of rank, function and seconds", shown(text)));
            }
            return;
        }
        const std::string_view rank = text.substr(0, first);
        if (rank != rank_ && trimmed(rank) != rank_) {
            if (line_ > 1 || trimmed(rank) != "rank") {  // else it is the header
                use_.bad(line_, fmt::format("the row is of rank '{}', the file of rank {}", shown(rank), rank_));
            }
            return;
        }
        take_time(trimmed(text.substr(first + 1, second - first - 1)), text.substr(second + 1));
    }

    void take_time(std::string_view function, std::string_view text) {
        if (!use_.skip.empty() && function == use_.skip) {
            return;
        }
        const std::size_t begin = std::min(text.find_first_not_of(' '), text.size());
        double seconds = 0;
        const char* const last = text.data() + text.size();
        const auto [end, code] = std::from_chars(text.data() + begin, last, seconds);
        if (function.empty() || (code != std::errc() && code != std::errc::result_out_of_range) || end == text.data() ||
            (end != last && !trimmed({end, static_cast<std::size_t>(last - end)}).empty())) {
            use_.bad(line_, fmt::format("'{}' is no time of '{}'", shown(trimmed(text)), shown(function)));
        } else if (code != std::errc() || !(seconds >= 0 && seconds <= kLongestTime) ||
                   (seconds > 0 && seconds < kShortestTime)) {
            use_.bad(line_, fmt::format("{} s of '{}' is a time that nobody has measured", shown(trimmed(text)),
                                        shown(function)));
        } else {
            use_.row(function, seconds, line_);
        }
    }

    const RowUse& use_;
    std::string rank_;
    std::int64_t line_ = 0;
};

}  // namespace

Status scan_rows(const std::string& path, int rank, const RowUse& use) {
    const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!fd) {
        return fail("cannot open {}: {}", path, std::strerror(errno));
    }
    thread_local std::vector<char> buffer(kBlock);
    RowScanner scanner(rank, use);
    std::size_t held = 0;
    for (;;) {
        const ssize_t n = read(fd.get(), buffer.data() + held, buffer.size() - held);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return fail("cannot read {}: {}", path, std::strerror(errno));
        }
        held += static_cast<std::size_t>(n);
        if (n == 0) {
            scanner.take_rest({buffer.data(), held});
            return Status::ok();
        }
        const std::size_t taken = scanner.take({buffer.data(), held});
        held -= taken;
        std::memmove(buffer.data(), buffer.data() + taken, held);
        if (held == buffer.size()) {
            scanner.give_up();
            return Status::ok();
        }
    }
}

}  // namespace inferstep::report
