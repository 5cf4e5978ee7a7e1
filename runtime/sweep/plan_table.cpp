#include "sweep/plan_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "core/log.hpp"
#include "core/text.hpp"
#include "sweep/point_json.hpp"

namespace inferstep::sweep {
namespace {

constexpr std::size_t kGap = 2;
constexpr std::size_t kNarrowest = 6;

struct Column {
    std::string name;
    std::vector<std::string> cells;
    bool parameter = false;
    std::size_t width = 0;
};

std::vector<std::string> parameter_names(const std::vector<Point>& points) {
    std::vector<std::string> names;
    for (const Point& point : points) {
        for (const auto& parameter : point.parameters) {
            if (std::find(names.begin(), names.end(), parameter.first) == names.end()) {
                names.push_back(parameter.first);
            }
        }
    }
    return names;
}

std::string value_of(const Point& point, const std::string& name) {
    for (const auto& [parameter, value] : point.parameters) {
        if (parameter == name) {
            return printable(value);
        }
    }
    return "-";
}

template <typename Cell>
Column column(const std::string& name, const std::vector<Point>& points, std::size_t rows, Cell cell) {
    Column made{name, {}, false, seen_width(name)};
    for (std::size_t i = 0; i < rows; ++i) {
        made.cells.push_back(cell(points[i]));
        made.width = std::max(made.width, seen_width(made.cells.back()));
    }
    return made;
}

std::vector<Column> columns_of(const std::vector<Point>& points, std::size_t rows) {
    std::vector<Column> columns = {column("point", points, rows, [](const Point& p) { return p.id; })};
    for (const std::string& name : parameter_names(points)) {
        columns.push_back(column(name, points, rows, [&](const Point& p) { return value_of(p, name); }));
        columns.back().parameter = true;
    }
    const auto repeat = [](const Point& p) { return fmt::format("{}{}", p.warmup ? "warm-up " : "", p.repeat); };
    columns.push_back(column("repeat", points, rows, repeat));
    columns.push_back(column("step", points, rows,
                             [](const Point& p) { return fmt::format("{}x{}", p.step.nodes, p.step.tasks_per_node); }));
    if (std::any_of(points.begin(), points.end(), [](const Point& p) { return p.database.has_value(); })) {
        columns.push_back(column("database", points, rows, [](const Point& p) {
            return p.database ? fmt::format("{}{}", p.database->nodes, p.database->as_job ? " job" : "") : "-";
        }));
    }
    return columns;
}

std::size_t width_of(const std::vector<Column>& columns) {
    return std::accumulate(columns.begin(), columns.end(), kGap * (columns.size() - 1),
                           [](std::size_t sum, const Column& c) { return sum + c.width; });
}

// Narrows the widest parameter first, then leaves the last ones out. Returns how many were left out.
std::size_t fit(std::vector<Column>& columns, std::size_t width) {
    std::size_t left_out = 0;
    while (width > 0 && width_of(columns) > width) {
        const auto by_width = [](const Column& a, const Column& b) {
            return (a.parameter ? a.width : 0) < (b.parameter ? b.width : 0);
        };
        const auto widest = std::max_element(columns.begin(), columns.end(), by_width);
        if (!widest->parameter) {
            break;
        }
        if (widest->width > kNarrowest) {
            --widest->width;
            continue;
        }
        const auto last = std::find_if(columns.rbegin(), columns.rend(), [](const Column& c) { return c.parameter; });
        columns.erase(std::next(last).base());
        ++left_out;
    }
    return left_out;
}

template <typename Cell>
std::string row(const std::vector<Column>& columns, Cell cell) {
    std::string line;
    for (const Column& column : columns) {
        const std::string text = cut(cell(column), column.width);
        line += text + std::string(column.width - seen_width(text) + kGap, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    return line + "\n";
}

}  // namespace

std::string cut(const std::string& text, std::size_t width) { return width == 0 ? text : shortened(text, width); }

std::string plan_table(const std::vector<Point>& points, std::size_t width, std::size_t rows) {
    const std::size_t shown = rows == 0 ? points.size() : std::min(rows, points.size());
    std::vector<Column> columns = columns_of(points, shown);
    const std::size_t left_out = fit(columns, width);
    std::string table = row(columns, [](const Column& c) { return c.name; });
    for (std::size_t i = 0; i < shown; ++i) {
        table += row(columns, [i](const Column& c) { return c.cells[i]; });
    }
    if (shown < points.size()) {
        table += fmt::format("… and {} more points\n", points.size() - shown);
    }
    if (left_out > 0) {
        table += counted(left_out, "parameter") + " did not fit; --json has all\n";
    }
    return table;
}

Json points_json(const std::vector<Point>& points) {
    Json array = Json::array();
    for (const Point& point : points) {
        Json json = Json::object();
        json.set("id", point.id).set("parameters", parameters_json(point.parameters));
        json.set("repeat", point.repeat).set("warmup", point.warmup);
        json.set("nodes", point.step.nodes).set("tasks_per_node", point.step.tasks_per_node);
        json.set("options", Json::list(point.step.options));
        if (const auto& database = point.database) {
            json.set("database_nodes", database->nodes).set("database_job", database->as_job);
            json.set("database_cpus", database->cpus_per_node).set("database_hosts", Json::list(database->hosts));
            json.set("database_options", Json::list(database->options));
            json.set("batch_options", Json::list(database->batch_options));
        }
        if (point.command.empty()) {
            json.set("script", point.script);
        } else {
            json.set("command", Json::list(point.command));
        }
        array.push(std::move(json.set("environment", parameters_json(point.environment))));
    }
    return array;
}

}  // namespace inferstep::sweep
