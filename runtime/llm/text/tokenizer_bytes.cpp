// Byte-level byte-pair encoding, with the vocabulary of a GGUF file.
#include <algorithm>

#include "core/file.hpp"
#include "core/text.hpp"
#include "llm/text/byte_letters.hpp"
#include "llm/text/byte_pairs.hpp"
#include "llm/text/tokenizer_kinds.hpp"
#include "llm/text/word_split.hpp"

namespace inferstep::llm {
namespace {

constexpr int kControl = 3;
constexpr int kUserDefined = 4;

// Texts to token ids, without copying a text to look for it.
struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};
using Ids = std::unordered_map<std::string, int, Hash, std::equal_to<>>;

class Bytes final : public Tokenizer {
   public:
    Bytes(WordSplit split, int bos) : split_(std::move(split)), bos_(bos) {}

    Status load(const Vocabulary& v, const std::string& name) {
        pieces_ = v.pieces;
        types_ = v.types;
        types_.resize(pieces_.size(), 1);
        std::string all = fmt::format("{} {}\n", v.splitter, bos_);
        for (int id = 0; id < size(); ++id) {
            const std::string& piece = pieces_[static_cast<std::size_t>(id)];
            ids_.try_emplace(piece, id);
            all += fmt::format("{} {}\n", type(id), piece);
            if ((type(id) == kControl || type(id) == kUserDefined) && !piece.empty()) {
                named_.push_back(id);
            }
        }
        // Of two that begin alike the longer one is found.
        std::stable_sort(named_.begin(), named_.end(), [&](int a, int b) { return text(a).size() > text(b).size(); });
        for (std::size_t byte = 0; byte < letters_.size(); ++byte) {
            letters_[byte] = id_of(byte_letters()[byte]);
        }
        for (const std::string& merge : v.merges) {
            all += merge + "\n";
        }
        identity_ = sha256_of(all);
        return add_merges(v.merges, name);
    }

    int size() const override { return static_cast<int>(pieces_.size()); }
    std::string identity() const override { return identity_; }

    Result<std::vector<int>> encode(std::string_view text_in) const override {
        std::vector<int> ids(bos_ >= 0 ? 1 : 0, bos_);
        while (!text_in.empty()) {
            const auto [at, id] = find_named(text_in);
            if (Status s = encode_plain(text_in.substr(0, at), ids); !s) {
                return s.error();
            }
            if (id < 0) {
                break;
            }
            ids.push_back(id);
            text_in.remove_prefix(at + text(id).size());
        }
        return ids;
    }

    std::string decode(const std::vector<int>& ids) const override {
        std::string out;
        for (const int id : ids) {
            if (id >= 0 && id < size() && type(id) != kControl) {
                out += type(id) == kUserDefined ? text(id) : bytes_of_letters(text(id));
            }
        }
        return out;
    }

   private:
    const std::string& text(int id) const { return pieces_[static_cast<std::size_t>(id)]; }
    int type(int id) const { return types_[static_cast<std::size_t>(id)]; }
    int id_of(std::string_view piece) const {
        const auto found = ids_.find(piece);
        return found != ids_.end() ? found->second : -1;
    }

    Status add_merges(const std::vector<std::string>& merges, const std::string& name) {
        pairs_.reserve(merges.size());
        for (std::size_t rank = 0; rank < merges.size(); ++rank) {
            const std::string& merge = merges[rank];
            const std::size_t blank = merge.find(' ', 1);  // a piece may begin with one, in some vocabularies
            const std::string_view left = std::string_view(merge).substr(0, blank);
            const std::string_view right = blank == std::string::npos ? "" : std::string_view(merge).substr(blank + 1);
            const int merged = id_of(std::string(left).append(right));
            if (id_of(left) < 0 || id_of(right) < 0 || merged < 0) {
                return fail("{}: merge {} of the tokenizer, '{}', is of tokens that it does not have", name, rank,
                            as_utf8(merge));
            }
            pairs_.add(id_of(left), id_of(right), merged, static_cast<int>(rank));
        }
        return Status::ok();
    }

    struct Found {
        std::size_t at = 0;
        int id = -1;
    };
    Found find_named(std::string_view in) const {
        Found first{in.size(), -1};
        for (const int id : named_) {
            const std::size_t at = in.substr(0, std::min(in.size(), first.at + text(id).size())).find(text(id));
            if (at < first.at) {
                first = {at, id};
            }
        }
        return first;
    }

    Status encode_plain(std::string_view plain, std::vector<int>& ids) const {
        const Result<std::vector<std::string_view>> words = split_.words(plain);
        if (!words) {
            return words.error();
        }
        std::vector<int> tokens;
        std::string letters;
        for (const std::string_view word : *words) {
            letters.clear();
            for (const char c : split_.whole_words() ? word : "") {
                letters += byte_letters()[static_cast<unsigned char>(c)];
            }
            if (const int whole = letters.empty() ? -1 : id_of(letters); whole >= 0) {
                ids.push_back(whole);
                continue;
            }
            tokens.clear();
            for (const char c : word) {
                tokens.push_back(letters_[static_cast<unsigned char>(c)]);
            }
            if (std::find(tokens.begin(), tokens.end(), -1) != tokens.end()) {
                return fail("the tokenizer has no token for a byte of '{}'", as_utf8(word));
            }
            pairs_.merge(tokens);
            ids.insert(ids.end(), tokens.begin(), tokens.end());
        }
        return Status::ok();
    }

    WordSplit split_;
    int bos_;
    std::vector<std::string> pieces_;
    std::vector<int> types_;
    Ids ids_;
    std::vector<int> named_;  // control and user-defined tokens
    std::array<int, 256> letters_{};
    BytePairs pairs_;
    std::string identity_;
};

}  // namespace

Result<std::unique_ptr<Tokenizer>> bytes_of(const Vocabulary& vocabulary, int bos, const std::string& name) {
    Result<WordSplit> split = WordSplit::create(vocabulary.splitter);
    if (!split) {
        return fail("{}: {}", name, split.error().message);
    }
    auto bytes = std::make_unique<Bytes>(std::move(*split), bos);
    if (Status s = bytes->load(vocabulary, name); !s) {
        return s.error();
    }
    return std::unique_ptr<Tokenizer>(std::move(bytes));
}

}  // namespace inferstep::llm
