// Json: one JSON value in RAII around cJSON. Objects and arrays are built by set() and push(), read by at().
// Texts are written as UTF-8, whatever they hold. Not thread-safe; a value moved into a parent belongs to the parent.
#pragma once

#include <cjson/cJSON.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/result.hpp"

namespace inferstep {

class Json {
   public:
    static Json object() { return Json(cJSON_CreateObject()); }
    static Json array() { return Json(cJSON_CreateArray()); }
    static Json list(const std::vector<std::string>& texts);
    static Result<Json> parse(std::string_view text, std::string_view name_for_errors);

    Json& set(const char* key, Json value);
    Json& set(const char* key, std::string_view value);
    Json& set(const char* key, const char* value) { return set(key, std::string_view(value)); }
    Json& set(const char* key, bool value);
    template <typename N>
    requires std::is_arithmetic_v<N> Json& set(const char* key, N value) {
        cJSON_AddItemToObject(node_.get(), key, cJSON_CreateNumber(static_cast<double>(value)));
        return *this;
    }
    Json& push(Json value);
    Json& push(std::string_view value);
    Json& push(double value);

    // Reading. A missing member gives the fallback: unknown fields of a newer writer are ignored, absent ones
    // tolerated.
    std::string text(const char* key, std::string fallback = {}) const;
    double number(const char* key, double fallback = 0) const;
    bool has(const char* key) const { return cJSON_GetObjectItemCaseSensitive(node_.get(), key) != nullptr; }
    Json copy() const;                      // of the whole value
    Json copy_of(const char* key) const;    // a copy of the member; null when absent
    std::vector<Json> items() const;        // copies of an array's elements
    std::vector<std::string> keys() const;  // of an object's members, in their order
    // Calls use(key, value) for each member of an object or element of an array (whose keys are empty), in their order
    // and without copies.
    template <typename Use>
    void each(Use&& use) const {
        for (cJSON* item = node_ == nullptr ? nullptr : node_->child; item != nullptr; item = item->next) {
            Json value(item);
            use(std::string_view(item->string != nullptr ? item->string : ""), std::as_const(value));
            static_cast<void>(value.node_.release());  // it is its parent's
        }
    }
    bool is_object() const { return cJSON_IsObject(node_.get()) != 0; }
    bool is_array() const { return cJSON_IsArray(node_.get()) != 0; }
    bool is_number() const { return cJSON_IsNumber(node_.get()) != 0; }
    bool is_true() const { return cJSON_IsTrue(node_.get()) != 0; }
    bool is_null() const { return cJSON_IsNull(node_.get()) != 0; }
    std::string as_text() const;
    double as_number() const { return cJSON_GetNumberValue(node_.get()); }

    std::string dump(bool pretty = true) const;

   private:
    struct Delete {
        void operator()(cJSON* p) const { cJSON_Delete(p); }
    };
    explicit Json(cJSON* node) : node_(node) {}
    std::unique_ptr<cJSON, Delete> node_;
};

}  // namespace inferstep
