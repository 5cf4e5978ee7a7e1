// SmartSim-Scaling's sessions: rank_<r>_timing.csv without a header, and run.cfg with the parameters.
#include "core/file.hpp"
#include "core/log.hpp"
#include "core/words.hpp"
#include "report/ini.hpp"
#include "report/read_parts.hpp"
#include "report/smartsim.hpp"

namespace inferstep::report {
namespace {

int whole(const IniFile& ini, const char* key) {
    const Result<long> n = parse_number(key, ini.value("attributes", key), 0, 100'000'000);
    return n ? static_cast<int>(*n) : 0;
}

// Python's ConfigParser writes %% for a per cent sign.
std::string unescaped(std::string text) {
    for (std::size_t at = 0; (at = text.find("%%", at)) != std::string::npos; ++at) {
        text.erase(at, 1);
    }
    return text;
}

// Its attributes under the names of its drivers' flags, which are also ours. What only follows from the others is none.
void take_parameters(const IniFile& ini, Execution& execution) {
    const bool colocated =
        ini.value("attributes", "colocated") == "1" || ini.value("attributes", "colocated") == "True";
    for (const auto& [key, value] : ini.members("attributes")) {
        if (key == "client_total" || key == "client_nodes" || value.empty() ||
            (colocated && (key == "database_nodes" || key == "database_hosts"))) {
            continue;
        }
        execution.parameters.emplace_back(our_name(key), unescaped(value));
    }
    execution.parameters.emplace_back(colocated ? "nodes" : "client_nodes", ini.value("attributes", "client_nodes"));
}

// What the session is, as far as run.cfg says so.
Status take_config(const std::string& session, Execution& execution, bool& fortran, Notes& notes) {
    const std::string path = session + "/run.cfg";
    if (!exists(path)) {
        notes.add("sessions without run.cfg", {session, 0}, "there is no run.cfg: the parameters are not known");
        return Status::ok();
    }
    const Result<IniFile> ini = IniFile::read(path);
    if (!ini) {
        return ini.error();
    }
    take_parameters(*ini, execution);
    fortran = ini->value("attributes", "language") == "fortran" && ini->value("run", kWrittenBy).empty();
    execution.nodes = std::max(1, whole(*ini, "client_nodes"));
    execution.tasks = whole(*ini, "client_total");
    if (execution.tasks == 0) {
        execution.tasks = execution.nodes * whole(*ini, "client_per_node");
    }
    note_missing(execution, execution.tasks, session, {path, ini->line("attributes", "client_total")}, notes);
    execution.logs.push_back({path, 0});
    return Status::ok();
}

}  // namespace

std::string our_name(std::string_view attribute) {
    for (const auto& [theirs, ours] : kSmartsimNames) {
        if (attribute == theirs) {
            return ours;
        }
    }
    return printable(attribute);
}

Status read_smartsim(const std::string& session, std::vector<Execution>& executions, Notes& notes) {
    Execution execution;
    execution.id = session.substr(session.rfind('/') + 1);
    execution.repeat = 0;
    const auto names = names_in(session);
    if (!names) {
        return names.error();
    }
    // The names of the files tell the ranks; whether client() is to be believed, run.cfg.
    std::vector<std::pair<int, std::string>> files;
    for (const std::string& name : *names) {
        if (const int rank = rank_of(name, "rank_", "_timing.csv"); rank >= 0) {
            files.emplace_back(rank, fmt::format("{}/{}", session, name));
            execution.files.push_back({files.back().second, rank, {}, 0});
        } else if (name.ends_with(".out") || name.ends_with(".err")) {
            execution.logs.push_back({fmt::format("{}/{}", session, name), 0});
        }
    }
    bool fortran = false;
    if (Status s = take_config(session, execution, fortran, notes); !s) {
        return s;
    }
    if (fortran) {
        notes.add("Fortran sessions without client()", {session, 0},
                  "client() is left out: SmartSim-Scaling's Fortran client never sets it");
    }
    execution.files.clear();
    RankReader reader(execution, notes);
    for (const auto& [rank, path] : files) {
        if (Status s = reader.read(path, rank, fortran ? "client()" : ""); !s) {
            return s;
        }
    }
    execution.tasks = std::max(execution.tasks, static_cast<int>(execution.files.size()));
    for (const FunctionTimes& times : execution.functions) {
        if (times.function == "run_model") {  // one sample each
            execution.work = static_cast<double>(times.seconds.size());
            execution.work_unit = "inferences";
        }
    }
    executions.push_back(std::move(execution));
    return Status::ok();
}

}  // namespace inferstep::report
