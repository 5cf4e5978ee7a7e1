// Files of one JSON object a line, and texts as JSON has them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/json.hpp"
#include "core/result.hpp"

namespace inferstep::llm {

struct JsonLine {
    int number = 0;     // from 1
    std::string label;  // "prompts.jsonl, line 3", for messages
    Json value;         // an object
    bool nul = false;   // a text in it has \u0000, where Json's texts end
};

// Blank lines are passed over. Errors name the file and the line: not readable, no UTF-8, not one object, longer than
// 16 MiB. A last line without an end that is no object is passed over when `may_be_cut`: whoever wrote it died.
Result<std::vector<JsonLine>> read_json_lines(const std::string& path, bool may_be_cut);

// "…" in quotation marks, valid UTF-8 whatever the text holds, without an end of line.
std::string json_quoted(std::string_view text);

}  // namespace inferstep::llm
