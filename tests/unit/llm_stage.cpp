// A stage on the CPUs: the same numbers whatever the batch, the threads and the place of the cuts.
#include <cstring>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "check.hpp"
#include "folder.hpp"
#include "llm/stage/sampling.hpp"
#include "llm/stage/stage.hpp"
#include "suites.hpp"

namespace inferstep::test {
namespace {

using llm::Batch;
using llm::Stage;
using llm::StageOptions;

constexpr int kLayers = 4;
constexpr int kHidden = 60;
constexpr int kHeads = 6;
constexpr int kKeyHeads = 2;
constexpr int kHeadDim = 20;
constexpr int kFfn = 72;
constexpr int kVocab = 90;
constexpr int kContext = 48;

// A model directory with weights out of the random numbers of a seed.
class Writer {
   public:
    Writer(const std::string& folder, bool tied) {
        std::ofstream(folder + "/config.json") << fmt::format(
            R"({{"model_type":"llama","vocab_size":{},"hidden_size":{},"intermediate_size":{},"num_hidden_layers":{},)"
            R"("num_attention_heads":{},"num_key_value_heads":{},"head_dim":{},"max_position_embeddings":{},)"
            R"("rms_norm_eps":1e-6,"tie_word_embeddings":{},"hidden_act":"silu"}})",
            kVocab, kHidden, kFfn, kLayers, kHeads, kKeyHeads, kHeadDim, kContext, tied);
        tensor("model.embed_tokens.weight", kVocab, kHidden);
        for (int i = 0; i < kLayers; ++i) {
            const std::string layer = fmt::format("model.layers.{}.", i);
            tensor(layer + "input_layernorm.weight", 0, kHidden);
            tensor(layer + "post_attention_layernorm.weight", 0, kHidden);
            tensor(layer + "self_attn.q_proj.weight", kHeads * kHeadDim, kHidden);
            tensor(layer + "self_attn.k_proj.weight", kKeyHeads * kHeadDim, kHidden);
            tensor(layer + "self_attn.v_proj.weight", kKeyHeads * kHeadDim, kHidden);
            tensor(layer + "self_attn.o_proj.weight", kHidden, kHeads * kHeadDim);
            tensor(layer + "mlp.gate_proj.weight", kFfn, kHidden);
            tensor(layer + "mlp.up_proj.weight", kFfn, kHidden);
            tensor(layer + "mlp.down_proj.weight", kHidden, kFfn);
        }
        tensor("model.norm.weight", 0, kHidden);
        if (!tied) {
            tensor("lm_head.weight", kVocab, kHidden);
        }
        header_ += "}";
        header_.resize((header_.size() + 7) / 8 * 8, ' ');
        const std::uint64_t length = header_.size();
        std::ofstream file(folder + "/model.safetensors", std::ios::binary);
        file.write(reinterpret_cast<const char*>(&length), sizeof length);
        file << header_;
        file.write(reinterpret_cast<const char*>(numbers_.data()),
                   static_cast<std::streamsize>(numbers_.size() * sizeof(float)));
    }

   private:
    void tensor(const std::string& name, int rows, int columns) {
        const std::size_t begin = numbers_.size() * sizeof(float);
        for (int i = 0; i < std::max(rows, 1) * columns; ++i) {
            const double random = llm::random_number(1, seed_, i) - 0.5;
            numbers_.push_back(static_cast<float>(rows == 0 ? 1 + 0.2 * random : random * 0.8));
        }
        ++seed_;
        header_ += fmt::format(R"({}"{}":{{"dtype":"F32","shape":[{}{}],"data_offsets":[{},{}]}})",
                               header_.size() == 1 ? "" : ",", name, rows == 0 ? "" : fmt::format("{},", rows), columns,
                               begin, numbers_.size() * sizeof(float));
    }

    std::string header_ = "{";
    std::vector<float> numbers_;
    std::uint64_t seed_ = 0;
};

// Some stages in a row, in one process.
class Chain {
   public:
    Chain(const llm::ModelFiles& files, const std::vector<int>& cuts, StageOptions options) {
        int first = 0;
        for (const int last : cuts) {
            options.range = {first, last, first == 0, last == kLayers};
            auto stage = llm::load_stage(files, options, {});
            if (!CHECK(stage)) {
                fmt::print("# {}\n", stage.error().message);
                return;
            }
            stages_.push_back(std::move(*stage));
            first = last;
        }
    }

    // The logits that the batch asks for; none where something failed.
    std::vector<float> run(const Batch& batch, const std::vector<int>& tokens) {
        Stage* before = nullptr;
        for (const auto& stage : stages_) {
            if (before != nullptr) {
                std::memcpy(stage->input(), before->output(), tokens.size() * kHidden * sizeof(float));
            }
            if (!CHECK(stage->forward(batch, before == nullptr ? tokens : std::vector<int>()))) {
                return {};
            }
            before = stage.get();
        }
        const auto logits = stages_.back()->logits();
        const auto count = static_cast<std::size_t>(llm::logit_rows_of(batch)) * kVocab;
        return CHECK(logits) ? std::vector<float>(*logits, *logits + count) : std::vector<float>();
    }

    Stage& front() { return *stages_.front(); }

   private:
    std::vector<std::unique_ptr<Stage>> stages_;
};

std::vector<int> text(int sequence, int length) {
    std::vector<int> tokens;
    for (int i = 0; i < length; ++i) {
        tokens.push_back((7 * sequence + 13 * i + i * i) % kVocab);
    }
    return tokens;
}

StageOptions options_for(llm::Format format, int threads) {
    StageOptions options;
    options.format = format;
    options.threads = threads;
    options.slots = 3;
    options.context = kContext;
    options.max_rows = 40;
    options.max_logit_rows = 40;
    return options;
}

// Logits of all positions of a text in one go, alone.
std::vector<float> alone(Chain& chain, int sequence, int length) {
    return chain.run({{0, 0, length, true}}, text(sequence, length));
}

bool same(const std::vector<float>& all, std::size_t row, const std::vector<float>& some, std::size_t from) {
    return some.size() >= (from + 1) * kVocab && all.size() >= (row + 1) * kVocab &&
           std::memcmp(all.data() + row * kVocab, some.data() + from * kVocab, kVocab * sizeof(float)) == 0;
}

constexpr llm::Format kFormats[] = {llm::Format::kBf16, llm::Format::kInt8, llm::Format::kInt4, llm::Format::kInt4Min};

void cuts_and_threads_change_nothing() {
    for (const bool tied : {false, true}) {
        const Folder folder;
        Writer(folder.path(), tied);
        const auto files = llm::ModelFiles::open(folder.path());
        if (!CHECK(files)) {
            return;
        }
        for (const llm::Format format : kFormats) {
            Chain whole(*files, {4}, options_for(format, 1));
            const std::vector<float> expected = alone(whole, 1, 30);
            CHECK_EQ(expected.size(), std::size_t{30} * kVocab);
            for (const std::vector<int>& cuts : {std::vector<int>{4}, {1, 4}, {2, 4}, {1, 2, 3, 4}}) {
                Chain chain(*files, cuts, options_for(format, 3));
                CHECK_IN(fmt::format("{} stages, {}", cuts.size(), llm::name_of(format)),
                         alone(chain, 1, 30) == expected);
            }
        }
    }
}

void the_batch_changes_nothing() {
    const Folder folder;
    Writer(folder.path(), false);
    const auto files = llm::ModelFiles::open(folder.path());
    if (!CHECK(files)) {
        return;
    }
    for (const llm::Format format : kFormats) {
        Chain chain(*files, {2, 4}, options_for(format, 2));
        const std::vector<float> first = alone(chain, 1, 20);
        const std::vector<float> second = alone(chain, 2, 20);
        const std::vector<int> a = text(1, 20);
        const std::vector<int> b = text(2, 20);
        // A prompt in pieces, and another that joins it later, both then position by position.
        chain.run({{1, 0, 7, false, true}}, {a.begin(), a.begin() + 7});
        std::vector<int> mixed(a.begin() + 7, a.begin() + 12);
        mixed.insert(mixed.end(), b.begin(), b.begin() + 9);
        const std::vector<float> joined = chain.run({{1, 7, 5}, {2, 0, 9, true}}, mixed);
        CHECK(same(first, 11, joined, 0));
        for (std::size_t i = 0; i < 9; ++i) {
            CHECK(same(second, i, joined, 1 + i));
        }
        for (int i = 0; i < 8; ++i) {
            const std::vector<float> step =
                chain.run({{2, 9 + i, 1}, {1, 12 + i, 1}},
                          {b[static_cast<std::size_t>(9 + i)], a[static_cast<std::size_t>(12 + i)]});
            CHECK(same(second, static_cast<std::size_t>(9 + i), step, 0));
            CHECK(same(first, static_cast<std::size_t>(12 + i), step, 1));
        }
        // All once more from the beginning, as without a cache.
        CHECK(same(first, 19, chain.run({{1, 0, 20}}, a), 0));
    }
}

void sizes_are_told() {
    const Folder folder;
    Writer(folder.path(), false);
    const auto files = llm::ModelFiles::open(folder.path());
    if (!CHECK(files)) {
        return;
    }
    std::size_t read = 0;
    std::size_t total = 0;
    StageOptions options = options_for(llm::Format::kBf16, 1);
    options.range = {1, 3, false, false};
    const auto stage = llm::load_stage(*files, options, [&](const llm::LoadProgress& progress) {
        CHECK(progress.bytes >= read && progress.bytes <= progress.total);
        read = progress.bytes;
        total = progress.total;
    });
    if (!CHECK(stage)) {
        return;
    }
    CHECK_EQ(read, static_cast<std::size_t>(2 * (files->shape().layer_parameters() + 2 * kHidden)) * sizeof(float));
    CHECK_EQ(read, total);
    CHECK_EQ((*stage)->cache_bytes(), static_cast<std::size_t>(2 * 3 * kContext * kKeyHeads * kHeadDim * 2 * 2));
    CHECK((*stage)->weight_bytes() >= static_cast<std::size_t>(4 * files->shape().layer_parameters()));
    CHECK_FAILS((*stage)->logits(), "does not end with the head");
    CHECK((*stage)->device_name().starts_with("cpu "));
}

void what_does_not_fit_is_said() {
    const Folder folder;
    Writer(folder.path(), false);
    const auto files = llm::ModelFiles::open(folder.path());
    if (!CHECK(files)) {
        return;
    }
    StageOptions options = options_for(llm::Format::kBf16, 1);
    Chain chain(*files, {4}, options);
    Stage& stage = chain.front();
    const auto forward = [&stage](const Batch& batch, const std::vector<int>& tokens) {
        return stage.forward(batch, tokens);
    };
    CHECK_FAILS(forward({{3, 0, 1}}, {1}), "slot 3 lie outside of 3 slots");
    CHECK_FAILS(forward({{0, kContext, 1}}, {1}), "position 48 of slot 0");
    CHECK_FAILS(forward({{0, 2147483647, 1}}, {1}), "2147483647");
    CHECK_FAILS(forward({{0, -1, 1}}, {1}), "position -1");
    CHECK_FAILS(forward({{0, 0, -1}}, {}), "-1 rows");
    CHECK_FAILS(forward({{0, 0, 41}}, text(1, 41)), "41 rows");
    CHECK_FAILS(forward({{0, 0, 2}}, {1}), "1 tokens are given for 2 rows");
    CHECK_FAILS(forward({{0, 0, 1}}, {kVocab}), "token 90");
    CHECK_FAILS(forward({{0, 0, 1}}, {-1}), "token -1");
    CHECK(forward({}, {}));
    options.range = {2, 5, false, true};
    CHECK_FAILS(llm::load_stage(*files, options, {}), "layers 2 to 4");
    options.range = {0, 4, true, true};
    options.context = kContext + 1;
    CHECK_FAILS(llm::load_stage(*files, options, {}), "49 positions");
    options.context = kContext;
    options.slots = 2147483647;
    CHECK_FAILS(llm::load_stage(*files, options, {}), "2147483647 sequences of 48 positions");
    options.threads = 0;
    CHECK_FAILS(llm::load_stage(*files, options, {}), "needs a thread");
}

CU_TestInfo kTests[] = {{"cuts and threads change no bit", cuts_and_threads_change_nothing},
                        {"batch and pieces change no bit", the_batch_changes_nothing},
                        {"sizes and progress are told", sizes_are_told},
                        {"what does not fit is said", what_does_not_fit_is_said},
                        CU_TEST_INFO_NULL};

}  // namespace

CU_SuiteInfo kStageSuite = suite("stage", kTests);

}  // namespace inferstep::test
