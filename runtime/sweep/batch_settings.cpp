#include "sweep/batch_settings.hpp"

namespace inferstep::sweep {

const std::string* BatchSettings::find(std::string_view option) const {
    for (const auto& [name, value] : options) {
        if (name == option) {
            return &value;
        }
    }
    return nullptr;
}

}  // namespace inferstep::sweep
