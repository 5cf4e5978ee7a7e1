// A model as it lies on the disk: a Hugging Face directory (config.json with *.safetensors or pytorch_model*.bin) or
// one GGUF file. Files are mapped; a tensor is a view into a mapping and costs nothing until it is read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "llm/files/shape.hpp"

namespace inferstep::llm {

// Of elements in files. The last four are GGUF's blocks of 32 along a row; a row is a whole number of blocks.
enum class DataType { kF32, kF16, kBf16, kQ8_0, kQ4_0, kQ4_1 };
std::string_view name_of(DataType type);  // "F32", "Q4_0"

struct TensorView {
    std::string name;  // as Hugging Face has it: "model.layers.3.self_attn.q_proj.weight"
    DataType type = DataType::kF32;
    std::vector<std::int64_t> shape;  // {rows, columns} or {n}; rows are contiguous
    const std::byte* data = nullptr;  // not aligned to anything
    std::size_t bytes = 0;
    std::string file;  // for messages
};

// What is known of a vocabulary that is inside of a model file.
struct Vocabulary {
    std::string kind;      // "" none here, "llama" (SentencePiece pieces), "gpt2" (byte-level BPE)
    std::string splitter;  // tokenizer.ggml.pre
    std::vector<std::string> pieces;
    std::vector<float> scores;        // "llama"
    std::vector<int> types;           // GGUF's: 1 normal, 2 unknown, 3 control, 4 user-defined, 6 byte
    std::vector<std::string> merges;  // "gpt2": "left right"
    bool add_bos = true;
    bool add_space_prefix = true;
};

class ModelFiles {
   public:
    // Reads and checks the headers: every tensor that the shape asks for is there, in its shape, in a type that is
    // understood, inside its file. Errors name the file and the tensor.
    static Result<ModelFiles> open(const std::string& path);
    ModelFiles(ModelFiles&&) noexcept;
    ModelFiles& operator=(ModelFiles&&) noexcept;
    ~ModelFiles();

    const Shape& shape() const;
    const Vocabulary& vocabulary() const;
    const std::string& path() const;  // the directory or file
    std::string format() const;       // "safetensors", "pytorch", "gguf"
    // By its name in Hugging Face's files. "lm_head.weight" of a tied model is the embedding's.
    Result<TensorView> tensor(std::string_view name) const;
    // The names of the tensors that a range needs, in the order of their places on the disk; each once.
    std::vector<std::string> names(const LayerRange& range) const;
    // The pages of this tensor will not be read again: they need not stay in this process's memory.
    void release(const TensorView& tensor) const;

   private:
    struct State;
    explicit ModelFiles(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace inferstep::llm
