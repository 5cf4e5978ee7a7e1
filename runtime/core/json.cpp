#include "core/json.hpp"

#include <algorithm>

#include "core/text.hpp"

namespace inferstep {

Result<Json> Json::parse(std::string_view text, std::string_view name) {
    const char* end = nullptr;  // of what was understood
    cJSON* node = cJSON_ParseWithLengthOpts(text.data(), text.size(), &end, 0);
    const char* const first = text.data();
    const bool known = end >= first && end <= first + text.size();
    const std::string_view rest = node != nullptr && known ? text.substr(static_cast<std::size_t>(end - first)) : "";
    if (node == nullptr || rest.find_first_not_of(" \t\r\n") != std::string_view::npos) {
        cJSON_Delete(node);
        return fail("{} is not valid JSON: line {}", name, 1 + std::count(first, known ? end : first, '\n'));
    }
    return Json(node);
}

Json& Json::set(const char* key, Json value) {
    cJSON_AddItemToObject(node_.get(), key, value.node_.release());
    return *this;
}

Json& Json::set(const char* key, std::string_view value) {
    cJSON_AddItemToObject(node_.get(), key, cJSON_CreateString(as_utf8(value).c_str()));
    return *this;
}

Json& Json::set(const char* key, bool value) {
    cJSON_AddItemToObject(node_.get(), key, cJSON_CreateBool(value ? 1 : 0));
    return *this;
}

Json Json::list(const std::vector<std::string>& texts) {
    Json all = array();
    for (const std::string& text : texts) {
        all.push(text);
    }
    return all;
}

Json& Json::push(Json value) {
    cJSON_AddItemToArray(node_.get(), value.node_.release());
    return *this;
}

Json& Json::push(std::string_view value) {
    cJSON_AddItemToArray(node_.get(), cJSON_CreateString(as_utf8(value).c_str()));
    return *this;
}

Json& Json::push(double value) {
    cJSON_AddItemToArray(node_.get(), cJSON_CreateNumber(value));
    return *this;
}

std::string Json::text(const char* key, std::string fallback) const {
    const char* s = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(node_.get(), key));
    return s != nullptr ? std::string(s) : std::move(fallback);
}

double Json::number(const char* key, double fallback) const {
    const cJSON* item = cJSON_GetObjectItemCaseSensitive(node_.get(), key);
    return cJSON_IsNumber(item) != 0 ? item->valuedouble : fallback;
}

Json Json::copy() const { return Json(cJSON_Duplicate(node_.get(), 1)); }

Json Json::copy_of(const char* key) const {
    const cJSON* item = cJSON_GetObjectItemCaseSensitive(node_.get(), key);
    return Json(item != nullptr ? cJSON_Duplicate(item, 1) : cJSON_CreateNull());
}

std::vector<Json> Json::items() const {
    std::vector<Json> all;
    const cJSON* item = nullptr;
    cJSON_ArrayForEach(item, node_.get()) { all.push_back(Json(cJSON_Duplicate(item, 1))); }
    return all;
}

std::vector<std::string> Json::keys() const {
    std::vector<std::string> all;
    const cJSON* item = nullptr;
    cJSON_ArrayForEach(item, node_.get()) { all.emplace_back(item->string != nullptr ? item->string : ""); }
    return all;
}

std::string Json::as_text() const {
    const char* s = cJSON_GetStringValue(node_.get());
    return s != nullptr ? std::string(s) : std::string();
}

std::string Json::dump(bool pretty) const {
    char* text = pretty ? cJSON_Print(node_.get()) : cJSON_PrintUnformatted(node_.get());
    std::string result = text != nullptr ? text : "";
    cJSON_free(text);
    return result;
}

}  // namespace inferstep
