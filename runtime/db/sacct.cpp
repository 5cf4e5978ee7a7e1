#include "db/sacct.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "core/clock.hpp"
#include "core/process.hpp"
#include "core/words.hpp"

namespace inferstep {
namespace {

constexpr int kFinalMs = 10'000;   // srun's exit hook, which waits for us, gives 15 s
constexpr int kFiguresMs = 3'000;  // the job's end may be known before the step's figures are
constexpr int kAnswerMs = 4'000;   // of one call
constexpr const char* kFormat =
    "--format=JobID,JobName,State,ExitCode,Elapsed,NTasks,NNodes,AllocCPUS,AveCPU,TotalCPU,MaxRSS,MaxRSSTask,MaxVMSize,"
    "AllocTRES,Start,End,UserCPU,SystemCPU,TRESUsageInMax,TRESUsageInTot";

// One line of the table, read by the names in its first.
class Line {
   public:
    static std::optional<Line> find(const std::string& table, const std::string& step) {
        const std::vector<std::string> lines = split(table, '\n');
        std::size_t names = 0;  // comments may stand before the table
        while (names < lines.size() && lines[names].starts_with('#')) {
            ++names;
        }
        for (std::size_t i = names; i < lines.size(); ++i) {
            std::vector<std::string> fields = split(lines[i], '|');
            if (!fields.empty() && fields[0] == step) {
                return Line(split(lines[names], '|'), std::move(fields), static_cast<int>(i) + 1);
            }
        }
        return std::nullopt;
    }

    bool has(std::string_view column) const { return at(column) < fields_.size(); }
    int number() const { return number_; }
    std::string text(std::string_view column) const { return has(column) ? fields_[at(column)] : std::string(); }

   private:
    Line(std::vector<std::string> names, std::vector<std::string> fields, int number)
        : names_(std::move(names)), fields_(std::move(fields)), number_(number) {}
    std::size_t at(std::string_view column) const {
        return static_cast<std::size_t>(std::find(names_.begin(), names_.end(), column) - names_.begin());
    }
    std::vector<std::string> names_, fields_;
    int number_;
};

bool has_ended(const std::optional<Line>& line) {
    constexpr std::string_view kUnfinished[] = {"RUNNING", "PENDING", "COMPLETING", "SUSPENDED", ""};
    return line &&
           std::find(std::begin(kUnfinished), std::end(kUnfinished), line->text("State")) == std::end(kUnfinished);
}

// Once the job has ended sacct calls its steps ended too, also one whose figures have not arrived.
bool has_figures(const Line& line) { return !line.has("TRESUsageInTot") || !line.text("TRESUsageInTot").empty(); }

double number_of(std::string_view text) {
    double value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

// [DD-[HH:]]MM:SS[.mmm]
double seconds_of(const std::string& text) {
    const std::size_t dash = text.find('-');
    double more = dash == std::string::npos ? 0 : number_of(text) * 24;  // hours, of the first part
    double seconds = 0;
    for (const std::string& part : split(text.substr(dash == std::string::npos ? 0 : dash + 1), ':')) {
        seconds = seconds * 60 + number_of(part) + std::exchange(more, 0);
    }
    return seconds;
}

// One value of "cpu=00:00:02,energy=0,…".
std::string part_of(const std::string& tres, std::string_view name) {
    for (const std::string& part : split(tres, ',')) {
        if (part.starts_with(name)) {
            return part.substr(name.size());
        }
    }
    return {};
}

std::string first_line(const std::string& text) {
    const std::string line = text.substr(0, text.find('\n'));
    return line.empty() ? "it says nothing" : line;
}

std::string comment(const std::string& text) { return "# " + text + "\n"; }

}  // namespace

Gatherer ask_gatherer() {
    Gatherer found;
    const Result<Captured> config = run_capture({"scontrol", "show", "config"}, kAnswerMs);
    for (const std::string& line : split(config ? config->out : "", '\n')) {
        const std::size_t value = line.find_first_not_of(" =", line.find('='));
        if (value == std::string::npos) {
            continue;
        }
        if (line.starts_with("JobAcctGatherType")) {
            found.gather = line.substr(value);
        } else if (line.starts_with("ProctrackType")) {
            found.proctrack = line.substr(value);
        }
    }
    return found;
}

std::optional<StepUsage> usage_of(const std::string& table, const std::string& step) {
    const std::optional<Line> line = Line::find(table, step);
    if (!has_ended(line) || !has_figures(*line) || !line->has("TotalCPU") || !line->has("MaxRSS")) {
        return std::nullopt;
    }
    const std::string tres = line->text("TRESUsageInTot");
    StepUsage usage;
    // Whole seconds in the latter; TotalCPU is put together of two figures and can be a second short of it.
    usage.cpu_s = std::max(seconds_of(line->text("TotalCPU")), seconds_of(part_of(tres, "cpu=")));
    usage.max_rss_bytes = static_cast<std::uint64_t>(number_of(line->text("MaxRSS")));
    usage.elapsed_s = seconds_of(line->text("Elapsed"));
    usage.cpus = number_of(line->text("AllocCPUS"));
    usage.energy_j = number_of(part_of(tres, "energy="));
    usage.line = line->number();
    return usage;
}

Result<std::string> sacct_table(const std::vector<std::string>& jobs) {
    const std::string list = fmt::format("{}", fmt::join(jobs, ","));
    Result<Captured> answer = run_capture({"sacct", "-P", "--noconvert", "-j", list, kFormat}, kAnswerMs);
    if (!answer) {
        return answer.error();
    }
    if (answer->exit_code != 0) {
        return fail("sacct ended with exit code {}: {}", answer->exit_code, first_line(answer->err));
    }
    return std::move(answer->out);
}

bool is_final(const std::string& table, const std::string& step, const Gatherer& gatherer) {
    const std::optional<Line> line = Line::find(table, step);
    return has_ended(line) && (has_figures(*line) || !gatherer.gathers());
}

bool has_ended(const std::string& table, const std::string& id) { return has_ended(Line::find(table, id)); }

std::vector<std::string> steps_called(const std::string& table, const std::string& job, const std::string& name) {
    std::vector<std::string> steps;
    for (const std::string& line : split(table, '\n')) {
        const std::vector<std::string> fields = split(line, '|');  // JobID and JobName come first
        if (fields.size() > 1 && fields[0].starts_with(job + ".") && fields[1] == name) {
            steps.push_back(fields[0]);
        }
    }
    return steps;
}

SacctAnswer ask_sacct(const StepName& name, const Gatherer& gatherer) {
    if (name.job == "local") {
        return {comment("no accounting: this step did not run under Slurm"), {}};
    }
    const std::string step = name.job + "." + name.step;
    const std::int64_t end = now_ms() + kFinalMs;
    std::int64_t figures_end = 0;
    for (int pause = 100;; pause = std::min(2 * pause, 1000)) {
        const Result<std::string> answer = sacct_table({name.job});
        if (!answer) {
            return {comment("no accounting: " + answer.error().message), {}};
        }
        const std::optional<Line> line = Line::find(*answer, step);
        if (has_ended(line)) {
            figures_end = figures_end == 0 ? now_ms() + kFiguresMs : figures_end;
            if (has_figures(*line) || !gatherer.gathers() || now_ms() > figures_end) {
                return {*answer, usage_of(*answer, step)};
            }
        }
        if (now_ms() + pause > end) {
            return {
                comment(fmt::format("the record of step {} was not final after {} s", step, kFinalMs / 1000)) + *answer,
                {}};
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(pause));
    }
}

}  // namespace inferstep
