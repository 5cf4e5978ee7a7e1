#include "settings.hpp"

#include "core/cwords.hpp"

namespace inferstep::plugin {
namespace {

// If `word` is "key=…", points `value` behind the '='.
bool is_key(const char* word, const char* key, const char*& value) {
    const size_t n = strlen(key);
    value = word + n + 1;
    return strncmp(word, key, n) == 0 && word[n] == '=';
}

// `after_name`: what may stand behind the first variable's name.
bool add(const char* (&list)[kMaxWords], const char* word, const char* value, const char* after_name, Problem& why) {
    const size_t name = strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789");
    if (name == 0 || !is_one_of(value + name, value[name] != '\0' ? 1 : 0, after_name)) {
        return why.is("plugstack.conf: '%s' is neither env_allow=NAME[,NAME…] nor setenv=NAME=VALUE", word);
    }
    for (const char*& slot : list) {
        if (slot == nullptr) {
            slot = value;
            return true;
        }
    }
    return why.is("plugstack.conf: '%s' is one too many; %zu fit", word, kMaxWords);
}

bool read_word(Settings& settings, const char* word, Problem& why) {
    const char* value = nullptr;
    for (int path = 0; path < kPaths; ++path) {
        if (is_key(word, kPathKeys[path], value)) {
            settings.paths[path] = value;
            return *value == '/' || why.is("plugstack.conf: '%s' wants an absolute path", word);
        }
    }
    char shown[64];
    snprintf(shown, sizeof shown, "plugstack.conf: %.*s", static_cast<int>(strcspn(word, "=")), word);
    for (int id = 0; id < kOptions; ++id) {
        if (kTable[id].has_default && is_key(word, kTable[id].name, value)) {
            settings.defaults[id] = value;
            return check_value(id, shown, value, why);
        }
    }
    for (int id = 0; id < kLimits; ++id) {
        if (is_key(word, kLimitTable[id].name, value)) {
            settings.limits[id] = value;
            return check_limit(id, shown, value, why);
        }
    }
    if (is_key(word, "env_allow", value)) {
        return add(settings.env_allow, word, value, ",|", why);
    }
    if (is_key(word, "setenv", value)) {
        return add(settings.set_env, word, value, "=", why);
    }
    return why.is("plugstack.conf: '%s' is no setting of spank_infer.so; spank_infer(8) lists them", word);
}

}  // namespace

bool Settings::read(int count, char** words, Problem& why) {
    *this = Settings{};
    for (int i = 0; i < count; ++i) {
        if (!read_word(*this, words[i], why)) {
            return false;
        }
    }
    return paths[kProgram] != nullptr ||
           why.is("plugstack.conf: spank_infer.so needs inferstep=PATH, the path of the program");
}

}  // namespace inferstep::plugin
