#include "llm/text/tokenizer.hpp"

#include "core/file.hpp"
#include "core/json.hpp"
#include "core/text.hpp"
#include "llm/text/tokenizer_kinds.hpp"

namespace inferstep::llm {
namespace {

// Models have up to so many tokens more than their tokenizers, for a width that suits the hardware.
constexpr int kMostPadding = 1024;

Status check_size(const Tokenizer& tokenizer, const Shape& shape, const std::string& name) {
    const int size = tokenizer.size();
    if (size <= shape.vocab && shape.vocab - size <= kMostPadding) {
        return Status::ok();
    }
    return fail("the tokenizer {} has {}, and the model has {}: it belongs to another model", name,
                counted(size, "token"), shape.vocab);
}

// What Hugging Face keeps beside a tokenizer.model. Error: it is no JSON.
Result<int> bos_of_file(const std::string& tokenizer, int bos) {
    const std::string path = tokenizer.substr(0, tokenizer.rfind('/') + 1) + "tokenizer_config.json";
    if (!exists(path)) {
        return bos;
    }
    const Result<std::string> text = read_file(path);
    const Result<Json> json = text ? Json::parse(*text, path) : Result<Json>(text.error());
    if (!json) {
        return json.error();
    }
    return json->copy_of("add_bos_token").dump() == "false" ? -1 : bos;
}

Result<std::unique_ptr<Tokenizer>> open_file(const std::string& path, int bos) {
    const Result<int> first = bos_of_file(path, bos);
    return first ? pieces_of_file(path, *first) : Result<std::unique_ptr<Tokenizer>>(first.error());
}

Result<std::unique_ptr<Tokenizer>> open_inside(const ModelFiles& model) {
    const Vocabulary& vocabulary = model.vocabulary();
    const int bos = vocabulary.add_bos ? model.shape().bos : -1;
    return vocabulary.kind == "llama" ? pieces_of(vocabulary, bos, model.path())
                                      : bytes_of(vocabulary, bos, model.path());
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> Tokenizer::open(const ModelFiles& model, const std::string& path) {
    const std::string place = path.empty() ? model.path() : path;
    const std::string inside = place + "/tokenizer.model";
    std::string name = exists(inside) || exists(place + "/.") ? inside : place;
    Result<std::unique_ptr<Tokenizer>> tokenizer = Error{};
    if (path.empty() && !model.vocabulary().kind.empty()) {
        name = "in " + model.path();
        tokenizer = open_inside(model);
    } else if (!exists(name)) {
        return with_hint(fail("there is no tokenizer: {} is missing", name),
                         exists(place + "/tokenizer.json") ? "tokenizer.json is not read; SentencePiece's file is"
                                                           : "--tokenizer names a tokenizer.model");
    } else {
        tokenizer = open_file(name, model.shape().bos);
    }
    if (!tokenizer) {
        return tokenizer.error();
    }
    if (Status s = check_size(**tokenizer, model.shape(), name); !s) {
        return s.error();
    }
    return tokenizer;
}

}  // namespace inferstep::llm
