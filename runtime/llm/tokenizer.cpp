#include "llm/tokenizer.hpp"

#include "core/file.hpp"
#include "core/text.hpp"
#include "llm/tokenizer_kinds.hpp"

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
        tokenizer = pieces_of_file(name, model.shape().bos);
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
