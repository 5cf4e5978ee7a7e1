// Progress of long work on stderr. On a terminal: a bar in the last line, redrawn in place, and below what is said
// above it. Elsewhere: nothing but the lines.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace inferstep {

// "3.2 s", "4 min 05 s", "2 h 07 min", "3 d 04 h".
std::string duration_text(double seconds);

// The bar's line, at most `width` columns: "[####      ] 12/40  2 running  1 failed  3 min left".
struct BarState {
    int done = 0, total = 0, running = 0, failed = 0;
    std::optional<double> eta_s;
    std::string note = {};  // last: "31 tokens/s"
};
std::string bar_line(const BarState& state, int width);

class Progress {
   public:
    Progress();  // looks whether stderr is a terminal
    ~Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    bool has_bar() const { return terminal_; }
    void show(const BarState& state);    // redraws the bar; elsewhere nothing
    void line(const std::string& text);  // a whole line, on a terminal above the bar
    void clear();                        // the bar goes, until the next show()

   private:
    bool terminal_ = false;
    std::string bar_;  // as it is shown now
};

}  // namespace inferstep
