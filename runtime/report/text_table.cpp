#include "report/text_table.hpp"

#include <algorithm>

#include "core/text.hpp"
#include "core/words.hpp"

namespace inferstep::report {
namespace {

constexpr std::size_t kGap = 2;

std::string padded(const std::string& text, std::size_t width, bool left) {
    const std::string blanks(width - std::min(width, seen_width(text)), ' ');
    return left ? text + blanks : blanks + text;
}

}  // namespace

std::string wrapped(const std::string& text, std::size_t indent) {
    const std::size_t blanks = std::min(text.find_first_not_of(' '), text.size());
    std::string out;
    std::size_t at = 0;
    for (const std::string& word : split(std::string_view(text).substr(blanks), ' ')) {
        const std::size_t width = seen_width(word) + (out.empty() ? blanks : 0);
        if (at > indent && at + 1 + width > kTextWidth) {
            out += "\n" + std::string(indent, ' ');
            at = indent;
        } else if (!out.empty()) {
            out += " ";
            ++at;
        }
        out += word;
        at += width;
    }
    return std::string(blanks, ' ') + out + "\n";
}

void TextTable::column(std::string header, bool text) { columns_.push_back({std::move(header), text}); }

void TextTable::row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }

std::size_t TextTable::width_of(std::size_t column) const {
    std::size_t width = seen_width(columns_[column].header);
    for (const auto& cells : rows_) {
        width = std::max(width, seen_width(cells[column]));
    }
    return width;
}

bool TextTable::has_something(std::size_t column) const {
    return std::any_of(rows_.begin(), rows_.end(), [column](const auto& cells) { return cells[column] != "-"; });
}

bool TextTable::has_values() const {
    for (std::size_t c = keys_; c < columns_.size(); ++c) {
        if (has_something(c)) {
            return true;
        }
    }
    return false;
}

std::string TextTable::draw_part(const std::vector<std::size_t>& columns) const {
    std::vector<std::size_t> widths;
    widths.reserve(columns.size());
    for (const std::size_t c : columns) {
        widths.push_back(width_of(c));
    }
    const auto line = [&](const auto& cell_of) {
        std::string text;
        for (std::size_t i = 0; i < columns.size(); ++i) {
            text +=
                std::string(i == 0 ? 0 : kGap, ' ') + padded(cell_of(columns[i]), widths[i], columns_[columns[i]].text);
        }
        text.erase(text.find_last_not_of(' ') + 1);
        return text + "\n";
    };
    std::string text = line([this](std::size_t c) { return columns_[c].header; });
    for (const auto& cells : rows_) {
        text += line([&cells](std::size_t c) { return cells[c]; });
    }
    return text;
}

std::string TextTable::draw(std::size_t width) const {
    std::vector<std::size_t> keys;
    std::size_t key_width = 0;
    for (std::size_t c = 0; c < keys_; ++c) {
        keys.push_back(c);
        key_width += width_of(c) + kGap;
    }
    std::string text;
    std::vector<std::size_t> part = keys;
    std::size_t used = key_width;
    for (std::size_t c = keys_; c < columns_.size(); ++c) {
        if (!has_something(c)) {
            continue;
        }
        const std::size_t needed = width_of(c) + kGap;
        if (part.size() > keys_ && used - kGap + needed > width) {
            text += draw_part(part) + "\n";
            part = keys;
            used = key_width;
        }
        part.push_back(c);
        used += needed;
    }
    return text + draw_part(part);
}

}  // namespace inferstep::report
