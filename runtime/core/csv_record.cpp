#include "core/csv_record.hpp"

#include "core/text.hpp"

namespace inferstep {
namespace {

constexpr std::size_t kMostFields = 1024;

}  // namespace

CsvRecord read_csv_record(std::string_view text, std::vector<std::string>& fields) {
    CsvRecord record;
    std::size_t used = 0;
    const auto add_field = [&] {
        if (used == fields.size()) {
            fields.emplace_back();
        }
        fields[used++].clear();
    };
    add_field();
    while (record.bytes < text.size() && !record.whole) {
        const char c = text[record.bytes++];
        std::string& field = fields[used - 1];
        record.lines += c == '\n' ? 1 : 0;
        if (record.open && c == '"' && record.bytes < text.size() && text[record.bytes] == '"') {
            field += '"';
            ++record.bytes;
        } else if (c == '"' && (record.open || trimmed(field).empty())) {
            record.open = !record.open;
        } else if (!record.open && c == ',' && used < kMostFields) {
            add_field();
        } else if (!record.open && c == '\n') {
            record.whole = true;
        } else if (record.open || c != '\r') {
            field += c;
        }
    }
    fields.resize(used);
    return record;
}

}  // namespace inferstep
