// Reading the members of one map of a battery file. Keeps the first complaint and does nothing after it.
#pragma once

#include <string_view>
#include <vector>

#include "core/config.hpp"

namespace inferstep::sweep {

class Members {
   public:
    // The map may have no other keys than these.
    Members(const Config& map, const std::vector<std::string_view>& keys) : map_(map), status_(map.only(keys)) {}

    // Null: absent, or null, or there was a complaint.
    const Config* find(std::string_view key) const {
        const Config* value = status_ ? map_.find(key) : nullptr;
        return value != nullptr && !value->is_null() ? value : nullptr;
    }
    // `out` is what `how` makes of the member; it stays as it is where there is none.
    template <typename T, typename How>
    void read(std::string_view key, T& out, How how) {
        if (const Config* value = find(key)) {
            auto result = how(*value);
            if (result) {
                out = std::move(*result);
            } else {
                status_ = result.error();
            }
        }
    }
    void read_text(std::string_view key, std::string& out) {
        read(key, out, [](const Config& value) { return value.as_text(); });
    }
    void check(Status status) {
        if (status_) {
            status_ = std::move(status);
        }
    }
    const Status& status() const { return status_; }
    const Config& map() const { return map_; }

   private:
    const Config& map_;
    Status status_;
};

}  // namespace inferstep::sweep
