#include "core/progress.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>

#include "core/log.hpp"

namespace inferstep {
namespace {

constexpr int kBarMax = 40;
constexpr int kBarMin = 8;  // narrower ones say nothing

// What cannot be shown is no reason to end anything.
void put(std::string_view text) {
    while (!text.empty()) {
        const ssize_t n = write(STDERR_FILENO, text.data(), text.size());
        if (n <= 0 && errno != EINTR) {
            return;
        }
        text.remove_prefix(n > 0 ? static_cast<std::size_t>(n) : 0);
    }
}

int terminal_width() {
    winsize size{};
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

std::string duration_text(double seconds) {
    if (seconds < 59.95) {
        return fmt::format("{:.{}f} s", std::max(seconds, 0.0), seconds < 9.995 ? 2 : 1);
    }
    const auto whole = static_cast<long>(std::lround(std::min(seconds, 1e12)));
    if (whole < 3600) {
        return fmt::format("{} min {:02} s", whole / 60, whole % 60);
    }
    if (whole < 86'400) {
        return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
    }
    return fmt::format("{} d {:02} h", whole / 86'400, whole % 86'400 / 3600);
}

std::string bar_line(const BarState& state, int width) {
    const int done = std::clamp(state.done, 0, state.total);
    std::string words = fmt::format("{}/{}", done, state.total);
    words += state.running > 0 ? fmt::format("  {} running", state.running) : "";
    words += state.failed > 0 ? fmt::format("  {} failed", state.failed) : "";
    words += state.eta_s && done < state.total ? "  " + duration_text(std::ceil(*state.eta_s)) + " left" : "";
    words += state.note.empty() ? "" : "  " + state.note;
    const int room = std::min(width - 1 - static_cast<int>(words.size()) - 3, kBarMax);  // the last column stays free
    if (room < kBarMin) {
        return words.substr(0, static_cast<std::size_t>(std::max(width - 1, 0)));
    }
    const int filled = state.total > 0 ? room * done / state.total : room;
    return fmt::format("[{:#<{}}{: <{}}] {}", "", filled, "", room - filled, words);
}

Progress::Progress() {
    const char* kind = std::getenv("TERM");
    terminal_ = isatty(STDERR_FILENO) == 1 && (kind == nullptr || std::string_view(kind) != "dumb");
}

Progress::~Progress() { clear(); }

void Progress::show(const BarState& state) {
    if (!terminal_) {
        return;
    }
    std::string bar = bar_line(state, terminal_width());
    if (bar != bar_) {
        put("\r\033[K" + bar);
        bar_ = std::move(bar);
    }
}

void Progress::line(const std::string& text) { put((bar_.empty() ? "" : "\r\033[K") + printable(text) + "\n" + bar_); }

void Progress::clear() {
    if (!bar_.empty()) {
        put("\r\033[K");
        bar_.clear();
    }
}

}  // namespace inferstep
