#include "report/html.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <filesystem>

#include "core/file.hpp"
#include "core/text.hpp"
#include "report/interval.hpp"
#include "report/numbers.hpp"
#include "report/text.hpp"

namespace inferstep::report {

std::string address_of(const std::string& path, const PageFolder& folder) {
    const std::filesystem::path file = absolute_path(path);
    const std::string relative = file.lexically_normal().lexically_relative(folder.absolute).string();
    std::string address = relative.starts_with(".") ? "" : "./";  // so that no name is taken for a scheme
    for (const char c : relative) {
        const auto u = static_cast<unsigned char>(c);
        const bool plain = (u < 0x80 && std::isalnum(u) != 0) || c == '/' || c == '.' || c == '-' || c == '_';
        address += plain ? std::string(1, c) : fmt::format("%{:02X}", u);
    }
    return address;
}

std::string file_link(const std::string& path, const std::string& text, const PageFolder& folder) {
    return path.empty() ? "" : fmt::format("<a href=\"{}\">{}</a>", address_of(path, folder), escaped(text));
}

std::string source_link(const Source& source, const PageFolder& folder) {
    const std::string name = std::filesystem::path(source.file).filename().string();
    return file_link(source.file, source.line > 0 ? fmt::format("{}:{}", name, source.line) : name, folder);
}

void HtmlTable::column(const std::string& header, bool number, const std::string& key) {
    columns_.push_back({header, key, number});
}

void HtmlTable::row(const std::string& index, const std::string& anchor) {
    rows_.push_back({(index.empty() ? "" : fmt::format(" data-row=\"{}\"", index)) +
                         (anchor.empty() ? "" : fmt::format(" id=\"{}\"", anchor)),
                     {}});
}

void HtmlTable::text(const std::string& html, bool of_head) {
    constexpr std::size_t kShort = 28;  // letters that have a line of their own
    const std::string head =
        fmt::format("<th scope=\"row\"{}>{}</th>", seen_width(html) <= kShort ? " class=\"short\"" : "", html);
    rows_.back().cells.push_back({of_head ? head : "<td>" + html + "</td>", true});
}

void HtmlTable::number(const Value& value, double size, const std::string& href) {
    if (!std::isfinite(value.value)) {
        rows_.back().cells.push_back({"<td class=\"n\" data-v=\"\">-</td>", false});
        return;
    }
    const std::string shown = significant(value.value / size, kDigits);
    const double half = half_width(value) / size;
    rows_.back().cells.push_back(
        {fmt::format("<td class=\"n\" data-v=\"{}\">{}{}</td>", value.value,
                     href.empty() ? shown : fmt::format("<a href=\"{}\">{}</a>", href, shown),
                     std::isfinite(half) ? fmt::format(" <small>±{}</small>", significant(half, kIntervalDigits)) : ""),
         true});
}

void HtmlTable::plain(double number) {
    const bool known = std::isfinite(number);
    const std::string text = known ? fmt::format("{}", number) : "";
    rows_.back().cells.push_back(
        {fmt::format("<td class=\"n\" data-v=\"{}\">{}</td>", text, known ? text : "-"), known});
}

bool HtmlTable::shown(std::size_t column) const {
    return !columns_[column].number ||
           std::any_of(rows_.begin(), rows_.end(), [&](const Row& row) { return row.cells[column].known; });
}

std::string HtmlTable::html() const {
    std::string out = fmt::format(
        "<div class=\"box\" tabindex=\"0\" role=\"region\" aria-label=\"{1}\">\n<table id=\"{0}\" class=\"sortable\">\n"
        "<caption>{1}</caption>\n<thead><tr>",
        id_, escaped(caption_));
    for (std::size_t i = 0; i < columns_.size(); ++i) {
        const Column& c = columns_[i];
        const std::string key = c.key.empty() ? "" : fmt::format(" data-key=\"{}\"", escaped(c.key));
        out += shown(i) ? fmt::format("<th scope=\"col\"{}{}>{}</th>", c.number ? " class=\"n\"" : "", key,
                                      escaped(c.header))
                        : "";
    }
    out += "</tr></thead>\n<tbody>\n";
    for (const Row& row : rows_) {
        out += "<tr" + row.attributes + ">";
        for (std::size_t i = 0; i < columns_.size(); ++i) {
            out += shown(i) ? row.cells[i].html : "";
        }
        out += "</tr>\n";
    }
    return out + "</tbody></table></div>\n";
}

}  // namespace inferstep::report
