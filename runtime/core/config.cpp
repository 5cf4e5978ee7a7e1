#include "core/config.hpp"

#include <fmt/format.h>
#include <strings.h>
#include <sys/stat.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <unordered_set>

#include "core/file.hpp"
#include "core/text.hpp"
#include "core/words.hpp"

namespace inferstep {
namespace {

constexpr int kMostValues = 200'000;  // an alias to an alias to an alias … multiplies
constexpr long kLargest = 4L << 20;
constexpr int kDeepest = 64;  // an alias to what it stands in has no end

bool is_any_of(const std::string& text, std::initializer_list<const char*> words) {
    return std::any_of(words.begin(), words.end(), [&](const char* w) { return strcasecmp(text.c_str(), w) == 0; });
}

}  // namespace

// The one place that knows the YAML library, whose exceptions end here.
struct ConfigBuilder {
    std::string file;
    int values = 0;
    int depth = 0;

    Result<Config> build(const YAML::Node& node, const std::string& path) {
        Config value;
        value.file_ = file;
        value.path_ = path;
        value.line_ = std::max(node.Mark().line, 0) + 1;
        if (++values > kMostValues) {
            return value.wrong(fmt::format("more than {} values are more than a configuration has", kMostValues));
        }
        if (depth == kDeepest) {
            return value.wrong(fmt::format("nothing stands deeper than {} lists and maps", kDeepest));
        }
        if (node.IsScalar()) {
            return scalar(node, std::move(value));
        }
        if (!node.IsSequence() && !node.IsMap()) {
            return value;
        }
        ++depth;
        Result<Config> built = node.IsMap() ? map(node, std::move(value)) : list(node, std::move(value));
        --depth;
        return built;
    }

    static Result<Config> scalar(const YAML::Node& node, Config value) {
        value.text_ = node.Scalar();
        const auto forbidden = [](unsigned char c) { return (c < ' ' && c != '\n' && c != '\t') || c == 0x7f; };
        if (std::any_of(value.text_.begin(), value.text_.end(), forbidden)) {
            return value.wrong("a text without control characters is right");
        }
        value.quoted_ = node.Tag() == "!";
        value.kind_ = !value.quoted_ && is_any_of(value.text_, {"none", "null", "~"}) ? Config::Kind::kNull
                                                                                      : Config::Kind::kScalar;
        return value;
    }

    Result<Config> list(const YAML::Node& node, Config value) {
        value.kind_ = Config::Kind::kList;
        for (const YAML::Node& item : node) {
            Result<Config> built = build(item, fmt::format("{}[{}]", value.path_, value.items_.size() + 1));
            if (!built) {
                return built.error();
            }
            value.items_.push_back(std::move(*built));
        }
        return value;
    }

    Result<Config> map(const YAML::Node& node, Config value) {
        value.kind_ = Config::Kind::kMap;
        std::unordered_set<std::string> seen;
        for (const auto& member : node) {
            if (!member.first.IsScalar()) {
                return value.wrong("a key that is a plain word is right");
            }
            const std::string& key = member.first.Scalar();
            Result<Config> built = build(member.second, value.path_.empty() ? key : value.path_ + "." + key);
            if (!built) {
                return built.error();
            }
            if (built->is_null()) {
                built->line_ = member.first.Mark().line + 1;
            }
            if (!seen.insert(key).second) {
                return built->wrong("the key stands there twice; once is right");
            }
            value.members_.emplace_back(key, std::move(*built));
        }
        return value;
    }
};

Result<std::string> Config::read_text(const std::string& path) {
    struct stat file {};
    if (stat(path.c_str(), &file) == 0 && (S_ISCHR(file.st_mode) || S_ISBLK(file.st_mode))) {
        return fail("{} is a device; a file is right", path);
    }
    if (file.st_size > kLargest) {
        return fail("{} has {} bytes; a configuration has at most {}", path, file.st_size, kLargest);
    }
    return read_file(path);
}

Result<Config> Config::read(const std::string& path) {
    const Result<std::string> text = read_text(path);
    if (!text) {
        return text.error();
    }
    return parse(*text, path);
}

Result<Config> Config::parse(const std::string& text, const std::string& name) {
    if (const std::size_t bad = find_no_utf8(text); bad != std::string::npos) {
        return fail("{}, line {}: a byte here is none of UTF-8, in which configurations are written", name,
                    1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(bad), '\n'));
    }
    try {
        // The library takes a quotation mark without an end for one that ends with the file, if that ends with a
        // newline.
        (void)YAML::LoadAll(text.substr(0, text.find_last_not_of(" \t\r\n") + 1));
        const std::vector<YAML::Node> documents = YAML::LoadAll(text);
        if (documents.size() > 1) {
            return fail("{}, line {}: a second document begins here; one is right", name,
                        std::max(documents[1].Mark().line, 0) + 1);
        }
        return ConfigBuilder{name}.build(documents.empty() ? YAML::Node() : documents[0], "");
    } catch (const YAML::Exception& e) {
        return with_hint(fail("{}, line {}, column {}: {}", name, std::max(e.mark.line, 0) + 1,
                              std::max(e.mark.column, 0) + 1, e.msg),
                         "a text with one of {}[],:# in it stands in quotation marks");
    }
}

const Config* Config::find(std::string_view key) const {
    const auto at = std::find_if(members_.begin(), members_.end(), [&](const auto& m) { return m.first == key; });
    return at == members_.end() ? nullptr : &at->second;
}

Error Config::wrong(std::string_view what) const {
    Error error = line_ == 0 ? fail("{}: {}", file_, what)
                             : fail("{}, line {}: {}{}{}", file_, line_, path_, path_.empty() ? "" : ": ", what);
    // {nodes} is a map for YAML, and seldom meant as one.
    if (kind_ == Kind::kMap && members_.size() == 1 && members_[0].second.is_null()) {
        error.hint = fmt::format("a text in braces stands in quotation marks: \"{{{}}}\"", members_[0].first);
    }
    return error;
}

Result<std::string> Config::as_text() const {
    if (kind_ != Kind::kScalar) {
        return wrong("one word or text is right");
    }
    return text_;
}

Result<long> Config::as_number(long low, long high) const {
    const Result<long> number = parse_number("it", kind_ == Kind::kScalar ? text_ : "", low, high);
    if (!number) {
        return wrong(fmt::format("a whole number between {} and {} is right", low, high));
    }
    return *number;
}

Result<double> Config::as_real(double low, double high) const {
    char* end = nullptr;
    const double number = std::strtod(text_.c_str(), &end);
    if (kind_ != Kind::kScalar || text_.empty() || *end != '\0' || !(number >= low && number <= high)) {
        return wrong(fmt::format("a number between {} and {} is right", low, high));
    }
    return number;
}

Result<bool> Config::as_flag() const {
    const bool scalar = kind_ == Kind::kScalar;
    if (scalar && is_any_of(text_, {"true", "yes", "on"})) {
        return true;
    }
    if (scalar && is_any_of(text_, {"false", "no", "off"})) {
        return false;
    }
    return wrong("true or false is right");
}

Result<std::vector<std::string>> Config::as_texts() const {
    std::vector<std::string> texts;
    if (kind_ == Kind::kScalar) {
        texts.push_back(text_);
    } else if (kind_ != Kind::kList) {
        return wrong("a list of words is right");
    }
    for (const Config& item : items_) {
        Result<std::string> text = item.as_text();
        if (!text) {
            return text.error();
        }
        texts.push_back(std::move(*text));
    }
    return texts;
}

Status Config::only(const std::vector<std::string_view>& keys) const {
    if (kind_ != Kind::kMap) {
        return wrong(fmt::format("keys with values are right: {}", fmt::join(keys, ", ")));
    }
    for (const auto& [key, value] : members_) {
        if (std::find(keys.begin(), keys.end(), key) != keys.end()) {
            continue;
        }
        const std::string_view near = nearest(key, keys);
        const Error error = value.wrong("there is no such key");
        return with_hint(error, near.empty() ? fmt::format("there are {}", fmt::join(keys, ", "))
                                             : fmt::format("did you mean {}?", near));
    }
    return Status::ok();
}

}  // namespace inferstep
