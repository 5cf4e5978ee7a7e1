// Rows of comma-separated fields, as RFC 4180 has them but for the plain line ends.
#pragma once

#include <fmt/format.h>

#include <cmath>
#include <string>
#include <string_view>
#include <type_traits>

#include "report/numbers.hpp"

namespace inferstep::report {

class CsvText {
   public:
    CsvText& text(std::string_view field) {
        separate();
        if (field.find_first_of(",\"\r\n") == std::string_view::npos) {
            text_ += field;
            return *this;
        }
        text_ += '"';
        for (const char c : field) {
            text_.append(c == '"' ? 2 : 1, c);
        }
        text_ += '"';
        return *this;
    }

    CsvText& number(double value) {
        separate();
        text_ += std::isfinite(value) ? fmt::format("{:.{}g}", value, kFileDigits) : "";
        return *this;
    }

    CsvText& whole(std::int64_t value) {
        separate();
        text_ += fmt::format("{}", value);
        return *this;
    }

    CsvText& end() {
        text_ += '\n';
        first_ = true;
        return *this;
    }

    const std::string& str() const { return text_; }

   private:
    void separate() {
        if (!first_) {
            text_ += ',';
        }
        first_ = false;
    }
    std::string text_;
    bool first_ = true;
};

}  // namespace inferstep::report
