// A table of text: columns aligned by what is seen (UTF-8), cut into several below each other where a line has no room.
#pragma once

#include <string>
#include <vector>

namespace inferstep::report {

constexpr std::size_t kTextWidth = 100;

class TextTable {
   public:
    // The first `keys` columns name a row: they stand at the left, flush left where they are text, in every part.
    explicit TextTable(std::size_t keys) : keys_(keys) {}

    void column(std::string header, bool text = false);
    void row(std::vector<std::string> cells);  // one for each column
    bool has_values() const;                   // other than "-", beside the keys

    // Without the columns that have nothing but "-", unless all have. Ends with a newline.
    std::string draw(std::size_t width = kTextWidth) const;

   private:
    struct Column {
        std::string header;
        bool text;
    };
    std::size_t width_of(std::size_t column) const;
    bool has_something(std::size_t column) const;
    std::string draw_part(const std::vector<std::size_t>& columns) const;

    std::size_t keys_;
    std::vector<Column> columns_;
    std::vector<std::vector<std::string>> rows_;
};

// A paragraph in lines of at most kTextWidth columns; the lines after the first begin with `indent` blanks. A word that
// is longer, such as a path, has a line of its own.
std::string wrapped(const std::string& text, std::size_t indent);

}  // namespace inferstep::report
