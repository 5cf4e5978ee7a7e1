// Pieces of HTML: tables that can be sorted, and links to the files that a number comes from.
#pragma once

#include <string>
#include <vector>

#include "report/figures.hpp"

namespace inferstep::report {

// Where the page stands: links are relative to it, so that report and results can be moved together.
struct PageFolder {
    std::string absolute;
};

// The address of a file, relative and encoded.
std::string address_of(const std::string& path, const PageFolder& folder);

// <a> to a file with what is known of the line: "rank_0.csv:17". Empty for no file.
std::string source_link(const Source& source, const PageFolder& folder);
std::string file_link(const std::string& path, const std::string& text, const PageFolder& folder);

class HtmlTable {
   public:
    HtmlTable(std::string id, std::string caption) : id_(std::move(id)), caption_(std::move(caption)) {}

    // `key` is the name of the value in report.json, for programs that read the page.
    void column(const std::string& header, bool number, const std::string& key = "");

    // Cells, from the left. A row's index in Figures::rows becomes an attribute of it, `anchor` its id.
    void row(const std::string& index, const std::string& anchor = "");
    void text(const std::string& html, bool of_head = false);
    // Divided by `size`, with half of the interval; a link to `href` where there is one. "-" where it is unknown.
    void number(const Value& value, double size = 1, const std::string& href = "");
    void plain(double number);  // all its digits: a count, the value of a parameter

    bool empty() const { return rows_.empty(); }
    // Without the columns of numbers that nobody measured.
    std::string html() const;

   private:
    struct Column {
        std::string header, key;
        bool number;
    };
    struct Cell {
        std::string html;
        bool known;
    };
    struct Row {
        std::string attributes;
        std::vector<Cell> cells;
    };
    bool shown(std::size_t column) const;

    std::string id_, caption_;
    std::vector<Column> columns_;
    std::vector<Row> rows_;
};

}  // namespace inferstep::report
