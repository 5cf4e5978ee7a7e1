// What AI.MODELSTORE and its older form AI.MODELSET say.
#pragma once

#include <memory>
#include <string_view>

#include "core/result.hpp"
#include "inferdb/args.hpp"
#include "inferdb/model.hpp"

namespace inferstep {

struct ParsedModel {
    ModelDefinition definition;
    std::string_view blob;
    std::shared_ptr<const void> owner;  // of the blob's memory
};

enum class ModelForm {
    counted,    // AI.MODELSTORE: INPUTS and OUTPUTS are followed by how many names there are
    uncounted,  // AI.MODELSET: their names end at the next word of the command
    file,       // AI._MODELFILE: as AI.MODELSTORE, and ends with the name of a file instead of a blob
};

// CPU, GPU and GPU:n in any case, and CPU:n, which some clients write; in the form that queues are named by.
Result<std::string> parse_device(std::string_view text);

// `args` begins behind the key. Errors name the word and what is right.
Result<ParsedModel> parse_model(Args args, ModelForm form);

}  // namespace inferstep
