// What the pictures of a plan have in common: what each CPU is used for, and the order in which they are shown.
#pragma once

#include <string>
#include <vector>

#include "place/plan.hpp"

namespace inferstep {

struct Mark {
    std::string text;       // "D0" database 0, "3" task 3, "*" several tasks, "." not in the step
    bool database = false;  // a database runs here
    int instance = -1;      // that database, or the one that serves the tasks here; -1 none, or not one alone
};

std::vector<Mark> marks_of(const Topology& topology, const Plan& plan);  // one for each of topology.cpus

// The cores of a domain; each is a list of indices into topology.cpus.
std::vector<std::vector<std::size_t>> cores_of(const Topology& topology, int domain);

int packages_of(const Topology& topology);  // the number of packages
int cores_in(const Topology& topology);
CpuSet step_cpus(const Plan& plan);  // what the tasks had, and the databases have

std::vector<int> tasks_of(const Plan& plan, int instance);  // in rising order
std::string served_words(const Plan& plan, int instance);   // "task 3", "tasks 0-3", "no task"; "" without any tasks
std::string number_list(const std::vector<int>& rising);    // "0-3,8"
std::string domain_name(const Domain& domain);              // "NUMA 2"; "no NUMA domain" where its memory is not ours

// `text` in lines of at most `columns` characters, broken after commas and blanks.
std::vector<std::string> wrapped(const std::string& text, std::size_t columns);

}  // namespace inferstep
