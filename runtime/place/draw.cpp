#include "place/draw.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "core/cpulist.hpp"
#include "core/text.hpp"
#include "place/marks.hpp"

namespace inferstep {
namespace {

constexpr std::size_t kWidth = 100;
constexpr std::size_t kIndent = 6;
constexpr std::size_t kMostTaskLines = 16;  // beyond it the picture alone tells the tasks' CPUs

// `text` in lines of kWidth, those after the first indented below its words.
std::string wrap(const std::string& text) {
    constexpr std::size_t kHanging = kIndent + 4;
    const std::size_t head = text.find_first_not_of(' ');
    std::string out;
    for (const std::string& line : wrapped(text.substr(head), kWidth - kHanging)) {
        out += std::string(out.empty() ? head : kHanging, ' ') + line + "\n";
    }
    return out;
}

std::string gpu_list(const Topology& topology, int domain) {
    std::vector<int> gpus;
    for (const Gpu& gpu : topology.gpus) {
        if (gpu.domain == domain) {
            gpus.push_back(gpu.index);
        }
    }
    return number_list(gpus);
}

// The rows of one domain: row r has the mark of every core's r-th hardware thread; rows that say the same are one.
std::vector<std::vector<std::string>> rows_of(const std::vector<std::vector<std::size_t>>& cores,
                                              const std::vector<Mark>& marks) {
    std::size_t threads = 0;
    for (const auto& core : cores) {
        threads = std::max(threads, core.size());
    }
    std::vector<std::vector<std::string>> rows;
    for (std::size_t r = 0; r < threads; ++r) {
        std::vector<std::string> row;
        row.reserve(cores.size());
        for (const auto& core : cores) {
            row.push_back(r < core.size() ? marks[core[r]].text : "");
        }
        if (rows.empty() || row != rows.back()) {
            rows.push_back(std::move(row));
        }
    }
    return rows;
}

std::string draw_domain(const Topology& topology, int index, const std::vector<Mark>& marks, std::size_t cell) {
    const Domain& domain = topology.domains[static_cast<std::size_t>(index)];
    const std::string gpus = gpu_list(topology, index);
    std::string out = wrap(fmt::format("  {}: CPUs {}{}", domain_name(domain), cpu_list(domain.cpus),
                                       gpus.empty() ? "" : "  GPUs " + gpus));
    const auto rows = rows_of(cores_of(topology, index), marks);
    const std::size_t cores = rows.empty() ? 0 : rows[0].size();
    const std::size_t lines = (cores * (cell + 1) + kWidth - kIndent - 1) / (kWidth - kIndent);
    const std::size_t per_line = (cores + lines - 1) / std::max<std::size_t>(lines, 1);
    for (std::size_t from = 0; from < cores; from += per_line) {
        for (const auto& row : rows) {
            std::string line(kIndent - 1, ' ');
            for (std::size_t c = from; c < std::min(from + per_line, row.size()); ++c) {
                line += fmt::format(" {:>{}}", row[c], cell);
            }
            out += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
        }
    }
    return out;
}

std::string draw_databases(const Topology& topology, const Plan& plan) {
    std::string out;
    for (std::size_t i = 0; i < plan.instances.size(); ++i) {
        const PlannedInstance& instance = plan.instances[i];
        const std::string served = served_words(plan, static_cast<int>(i));
        std::string line = fmt::format("{:>5} database {}, {}: CPUs {}", fmt::format("D{}", i), i,
                                       domain_name(topology.domains[static_cast<std::size_t>(instance.domain)]),
                                       cpu_list(instance.cpus));
        line += instance.gpus.empty() ? "" : "; GPUs " + number_list(instance.gpus);
        line += served.empty() ? "" : "; " + served;
        out += wrap(line);
    }
    return out;
}

std::string draw_tasks(const Plan& plan, const std::vector<Mark>& marks) {
    std::map<std::pair<std::string, int>, std::vector<int>> alike;
    for (std::size_t t = 0; t < plan.tasks.size(); ++t) {
        alike[{cpu_list(plan.tasks[t].after), plan.tasks[t].instance}].push_back(static_cast<int>(t));
    }
    std::vector<std::pair<std::vector<int>, std::pair<std::string, int>>> lines;
    lines.reserve(alike.size());
    for (const auto& [what, tasks] : alike) {
        lines.emplace_back(tasks, what);
    }
    std::sort(lines.begin(), lines.end());
    std::string out = lines.size() > kMostTaskLines ? fmt::format("{:>5} task n\n", "n") : "";
    for (const auto& [tasks, what] : lines.size() > kMostTaskLines ? decltype(lines){} : lines) {
        const std::string mark = tasks.size() == 1 ? std::to_string(tasks[0]) : "*";
        out += wrap(fmt::format("{:>5} task{} {}: CPUs {}; database {}", mark, tasks.size() == 1 ? "" : "s",
                                number_list(tasks), what.first, what.second));
    }
    const bool idle = std::any_of(marks.begin(), marks.end(), [](const Mark& m) { return m.text == "."; });
    return out + (idle ? fmt::format("{:>5} not in the step\n", ".") : "");
}

}  // namespace

std::string draw_text(const Topology& topology, const Plan& plan) {
    const std::vector<Mark> marks = marks_of(topology, plan);
    std::size_t cell = 1;
    for (const Mark& mark : marks) {
        cell = std::max(cell, mark.text.size());
    }
    std::string out = fmt::format(
        "{}, {}, {}, {}; the step has {}\n", counted(packages_of(topology), "package"),
        counted(static_cast<int>(topology.domains.size()), "NUMA domain"), counted(cores_in(topology), "core"),
        counted(static_cast<int>(topology.cpus.size()), "CPU"), counted(step_cpus(plan).count(), "CPU"));
    int package = -1;
    for (std::size_t d = 0; d < topology.domains.size(); ++d) {
        if (topology.domains[d].package != package) {
            package = topology.domains[d].package;
            out += fmt::format("package {}\n", package);
        }
        out += draw_domain(topology, static_cast<int>(d), marks, cell);
    }
    out += "\n" + draw_databases(topology, plan) + draw_tasks(plan, marks);
    for (const std::string& note : plan.notes) {
        out += wrap(" note " + note);
    }
    return out;
}

Json plan_json(const Topology& topology, const Plan& plan) {
    Json domains = Json::array();
    for (const Domain& d : topology.domains) {
        domains.push(
            std::move(Json::object().set("numa", d.os).set("package", d.package).set("cpus", cpu_list(d.cpus))));
    }
    Json gpus = Json::array();
    for (const Gpu& g : topology.gpus) {
        const int numa = g.domain < 0 ? -1 : topology.domains[static_cast<std::size_t>(g.domain)].os;
        gpus.push(std::move(Json::object().set("gpu", g.index).set("numa", numa).set("name", g.name)));
    }
    Json instances = Json::array();
    for (std::size_t i = 0; i < plan.instances.size(); ++i) {
        const PlannedInstance& one = plan.instances[i];
        Json object = Json::object();
        object.set("instance", i).set("numa", topology.domains[static_cast<std::size_t>(one.domain)].os);
        object.set("cpus", cpu_list(one.cpus)).set("gpus", number_list(one.gpus));
        object.set("tasks", number_list(tasks_of(plan, static_cast<int>(i))));
        instances.push(std::move(object));
    }
    Json tasks = Json::array();
    for (std::size_t t = 0; t < plan.tasks.size(); ++t) {
        const PlannedTask& one = plan.tasks[t];
        Json object = Json::object();
        object.set("task", t).set("instance", one.instance);
        object.set("before", cpu_list(one.before)).set("after", cpu_list(one.after));
        tasks.push(std::move(object));
    }
    Json notes = Json::array();
    for (const std::string& note : plan.notes) {
        notes.push(std::string_view(note));
    }
    Json all = Json::object();
    all.set("cpus", cpu_list(step_cpus(plan))).set("domains", std::move(domains)).set("gpus", std::move(gpus));
    all.set("instances", std::move(instances)).set("tasks", std::move(tasks)).set("notes", std::move(notes));
    return all;
}

}  // namespace inferstep
