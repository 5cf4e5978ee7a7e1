// The flags of ready-made batteries: tables of them, and what the words of a command line give them.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.hpp"

namespace inferstep::sweep {

struct ReadyFlag {
    enum class Kind { kText, kNumber, kChoice, kSwitch, kSbatch };
    const char* name;
    Kind kind;
    bool list;            // takes several values, a permutation each
    const char* value;    // its default; empty: none, and the flag has no values then
    long low, high;       // of a number
    const char* choices;  // "GPU|CPU"; in any case
    const char* help;
};

// `standard`: of inference-standard; else of inference-colocated.
const std::vector<ReadyFlag>& inference_flags(bool standard);

// Each with its default and meaning, a line each; for --help.
std::string flags_help(const std::vector<ReadyFlag>& table);

class ReadyFlags {
   public:
    // Accepted: --name=value, --name value, --na-me; a switch alone is True, --noname False; the last of several
    // counts. Values are Python's or YAML's: [1,2], 1,2, (1, 2), 'text', None, True. Error: names the flag and where in
    // its value.
    static Result<ReadyFlags> parse(const std::vector<ReadyFlag>& table, const std::vector<std::string>& words);

    bool has(std::string_view name) const { return values_.count(std::string(name)) > 0; }  // is there such a flag
    bool given(std::string_view name) const { return values_.at(std::string(name)).given; }
    const std::vector<std::string>& texts(std::string_view name) const { return values_.at(std::string(name)).texts; }
    const std::string& text(std::string_view name) const { return texts(name).front(); }  // of a flag with one value
    bool on(std::string_view name) const { return text(name) == "yes"; }
    long largest(std::string_view name) const;  // of a list of numbers

   private:
    struct Value {
        std::vector<std::string> texts;  // a switch has "yes" or "no"; kSbatch the words for sbatch
        bool given = false;
    };
    std::map<std::string, Value> values_;
};

}  // namespace inferstep::sweep
