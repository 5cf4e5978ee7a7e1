#include "place/marks.hpp"

#include <map>
#include <set>

namespace inferstep {

std::vector<Mark> marks_of(const Topology& topology, const Plan& plan) {
    std::vector<Mark> marks;
    for (const Cpu& cpu : topology.cpus) {
        Mark mark{".", false, -1};
        int users = 0;
        for (std::size_t t = 0; t < plan.tasks.size(); ++t) {
            if (plan.tasks[t].after.has(cpu.os)) {
                const int instance = plan.tasks[t].instance;
                mark.text = users == 0 ? std::to_string(t) : "*";
                mark.instance = users == 0 || mark.instance == instance ? instance : -1;
                ++users;
            }
        }
        for (std::size_t i = 0; i < plan.instances.size(); ++i) {
            if (plan.instances[i].cpus.has(cpu.os)) {
                mark = {"D" + std::to_string(i), true, static_cast<int>(i)};
            }
        }
        marks.push_back(std::move(mark));
    }
    return marks;
}

std::vector<std::vector<std::size_t>> cores_of(const Topology& topology, int domain) {
    std::map<int, std::vector<std::size_t>> by_core;
    for (std::size_t c = 0; c < topology.cpus.size(); ++c) {
        if (topology.cpus[c].domain == domain) {
            by_core[topology.cpus[c].core].push_back(c);
        }
    }
    std::vector<std::vector<std::size_t>> cores;
    cores.reserve(by_core.size());
    for (auto& [core, cpus] : by_core) {
        cores.push_back(std::move(cpus));
    }
    return cores;
}

int packages_of(const Topology& topology) {
    std::set<int> packages;
    for (const Domain& domain : topology.domains) {
        packages.insert(domain.package);
    }
    return static_cast<int>(packages.size());
}

int cores_in(const Topology& topology) {
    std::set<int> cores;
    for (const Cpu& cpu : topology.cpus) {
        cores.insert(cpu.core);
    }
    return static_cast<int>(cores.size());
}

CpuSet step_cpus(const Plan& plan) {
    CpuSet all = cpus_of(plan);
    for (const PlannedTask& task : plan.tasks) {
        all = all | task.before;
    }
    return all;
}

std::vector<int> tasks_of(const Plan& plan, int instance) {
    std::vector<int> tasks;
    for (std::size_t t = 0; t < plan.tasks.size(); ++t) {
        if (plan.tasks[t].instance == instance) {
            tasks.push_back(static_cast<int>(t));
        }
    }
    return tasks;
}

std::string served_words(const Plan& plan, int instance) {
    const std::vector<int> tasks = tasks_of(plan, instance);
    if (tasks.empty()) {
        return plan.tasks.empty() ? "" : "no task";
    }
    return (tasks.size() == 1 ? "task " : "tasks ") + number_list(tasks);
}

std::string number_list(const std::vector<int>& rising) {
    std::string text;
    for (std::size_t first = 0; first < rising.size();) {
        std::size_t last = first;
        while (last + 1 < rising.size() && rising[last + 1] == rising[last] + 1) {
            ++last;
        }
        text += text.empty() ? "" : ",";
        text += std::to_string(rising[first]);
        text += last > first ? "-" + std::to_string(rising[last]) : "";
        first = last + 1;
    }
    return text;
}

std::string domain_name(const Domain& domain) {
    return domain.os >= 0 ? "NUMA " + std::to_string(domain.os) : "no NUMA domain";
}

std::vector<std::string> wrapped(const std::string& text, std::size_t columns) {
    std::vector<std::string> lines(1);
    for (std::size_t from = 0; from < text.size();) {
        const std::size_t stop = text.find_first_of(", ", from);
        const std::string word = text.substr(from, stop == std::string::npos ? stop : stop - from + 1);
        if (!lines.back().empty() && lines.back().size() + word.size() > columns) {
            lines.emplace_back();
        }
        lines.back() += word;
        from += word.size();
    }
    for (std::string& line : lines) {
        line.resize(line.find_last_not_of(' ') + 1);
    }
    return lines;
}

}  // namespace inferstep
