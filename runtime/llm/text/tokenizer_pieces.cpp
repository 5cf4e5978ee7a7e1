// SentencePiece. The pieces of a GGUF file are written as the message that the library reads from tokenizer.model.
#include <sentencepiece_processor.h>

#include <algorithm>
#include <cstring>

#include "core/file.hpp"
#include "llm/text/tokenizer_kinds.hpp"

namespace inferstep::llm {
namespace {

// --- A protobuf message, field by field.

void put_varint(std::string& out, std::uint64_t value) {
    for (; value >= 0x80; value >>= 7U) {
        out += static_cast<char>(value | 0x80U);
    }
    out += static_cast<char>(value);
}

void put_number(std::string& out, unsigned field, std::uint64_t value) {
    put_varint(out, field << 3U);
    put_varint(out, value);
}

void put_text(std::string& out, unsigned field, std::string_view text) {
    put_varint(out, field << 3U | 2U);
    put_varint(out, text.size());
    out += text;
}

void put_float(std::string& out, unsigned field, float value) {
    put_varint(out, field << 3U | 5U);
    char bytes[sizeof value];
    std::memcpy(bytes, &value, sizeof value);
    out.append(bytes, sizeof bytes);
}

// The numbers of the fields are those of sentencepiece_model.proto.
std::string message_of(const Vocabulary& v) {
    constexpr int kByte = 6;
    std::string message;
    for (std::size_t i = 0; i < v.pieces.size(); ++i) {
        std::string piece;
        put_text(piece, 1, v.pieces[i]);
        put_float(piece, 2, v.scores[i]);
        put_number(piece, 3, static_cast<std::uint64_t>(v.types[i]));  // of the same numbers in both formats
        put_text(message, 1, piece);
    }
    std::string trainer;
    put_number(trainer, 3, 2);  // byte-pair encoding
    put_number(trainer, 4, v.pieces.size());
    put_number(trainer, 35, std::count(v.types.begin(), v.types.end(), kByte) > 0 ? 1 : 0);  // byte_fallback
    put_text(message, 2, trainer);
    std::string normalizer;
    put_text(normalizer, 1, "identity");
    put_number(normalizer, 3, v.add_space_prefix ? 1 : 0);
    put_number(normalizer, 4, 0);  // remove_extra_whitespaces
    put_number(normalizer, 5, 1);  // escape_whitespaces
    put_text(message, 3, normalizer);
    return message;
}

class Pieces final : public Tokenizer {
   public:
    explicit Pieces(int bos) : bos_(bos) {}

    Status load(const std::string& message, const std::string& name) {
        identity_ = fmt::format("{} {}", sha256_of(message), bos_);
        const sentencepiece::util::Status status = processor_.LoadFromSerializedProto(message);
        if (!status.ok()) {
            return fail("{} is no tokenizer that SentencePiece reads: {}", name, status.error_message());
        }
        return Status::ok();
    }

    int size() const override { return processor_.GetPieceSize(); }
    std::string identity() const override { return identity_; }

    Result<std::vector<int>> encode(std::string_view text) const override {
        std::vector<int> ids;
        const sentencepiece::util::Status status = processor_.Encode({text.data(), text.size()}, &ids);
        if (!status.ok()) {
            return fail("SentencePiece cannot encode the text: {}", status.error_message());
        }
        ids.insert(ids.begin(), bos_ >= 0 ? 1 : 0, bos_);
        return ids;
    }

    std::string decode(const std::vector<int>& ids) const override {
        std::vector<int> known;
        std::copy_if(ids.begin(), ids.end(), std::back_inserter(known),
                     [this](int id) { return id >= 0 && id < size() && !processor_.IsControl(id); });
        std::string text;
        return processor_.Decode(known, &text).ok() ? text : "";
    }

   private:
    sentencepiece::SentencePieceProcessor processor_;
    std::string identity_;
    int bos_;
};

Result<std::unique_ptr<Tokenizer>> load(const std::string& message, int bos, const std::string& name) {
    auto pieces = std::make_unique<Pieces>(bos);
    if (Status s = pieces->load(message, name); !s) {
        return s.error();
    }
    return std::unique_ptr<Tokenizer>(std::move(pieces));
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> pieces_of_file(const std::string& path, int bos) {
    const Result<std::string> message = read_file(path);
    return message ? load(*message, bos, path) : Result<std::unique_ptr<Tokenizer>>(message.error());
}

Result<std::unique_ptr<Tokenizer>> pieces_of(const Vocabulary& vocabulary, int bos, const std::string& name) {
    const std::size_t pieces = vocabulary.pieces.size();
    if (vocabulary.scores.size() != pieces || vocabulary.types.size() != pieces) {
        return fail("{}: the vocabulary has {} pieces, {} scores and {} types", name, pieces, vocabulary.scores.size(),
                    vocabulary.types.size());
    }
    const bool known =
        std::all_of(vocabulary.types.begin(), vocabulary.types.end(), [](int type) { return type >= 1 && type <= 6; });
    return known ? load(message_of(vocabulary), bos, name)
                 : Result<std::unique_ptr<Tokenizer>>(fail("{}: a token's type is not 1 to 6", name));
}

}  // namespace inferstep::llm
