// Weights as the kernels want them, and the product with them.
//
// A matrix lies in panels of 16 rows; within a panel the columns follow each other, interleaved so that one vector
// register holds the same columns of all 16 rows. int8 and int4 have a scale for each row and 32 columns (and int4_min
// a minimum, for Q4_1); columns are padded to 32 with zeros, rows to 16.
//
// y = x · Wᵀ for any number of rows of x. The order in which a row's products are added does not depend on the number
// of rows of x, on the threads, or on where the matrix was cut out of the model: equal rows give equal bits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/result.hpp"
#include "llm/files/model_files.hpp"
#include "llm/kernels/memory.hpp"
#include "llm/kernels/pool.hpp"

namespace inferstep::llm {

enum class Format { kBf16, kInt8, kInt4, kInt4Min };
enum class Isa { kPortable, kAvx2, kAvx512 };

std::string_view name_of(Format format);  // "bf16", "int8", "int4", "int4_min"
std::string_view name_of(Isa isa);        // "portable", "avx2", "avx512"
Isa best_isa();                           // that this CPU has
// For the whole process, before any product: the kernels of two ISAs do not give the same bits. Error: this CPU has it
// not.
Status use_isa(Isa isa);
Isa current_isa();

struct Matrix {
    Format format = Format::kBf16;
    int rows = 0;
    int columns = 0;
    Memory memory;  // panels; empty: no matrix

    std::size_t bytes() const { return memory.size(); }
};

// `source`: the tensors that stand above each other in one matrix (q, k, v), all with the same columns. Rows of q and k
// that GGUF interleaved are put back where `unpermute_head_dim` > 0 (one entry for each source). Quantizes or converts
// where the type in the file is another one; Q8_0 to int8, Q4_0 to int4, Q4_1 to int4_min lose nothing.
struct MatrixSource {
    TensorView tensor;
    int unpermute_head_dim = 0;
    bool release = false;  // it lies in the mapping of a file: pages that are packed need not stay in memory
};
Result<Matrix> pack_matrix(const MatrixSource* sources, int count, Format format, Pool& pool);
// The format in which a tensor of this type lies without loss, or the one asked for where the file has plain numbers.
Format format_for(DataType type, Format wanted);

// Rows of x in the form that a format multiplies with: bf16, or int8 with a scale for each 32 columns. Made once, used
// for every matrix of that format and width. Keeps its memory for the next time.
class Activations {
   public:
    // Room for any set() of so many rows and columns. set() makes it by itself, but can only throw when there is none.
    Status reserve(int rows, int columns);
    void set(Format format, const float* x, int rows, int columns, Pool& pool);
    int rows() const { return rows_; }
    int columns() const { return columns_; }
    const std::byte* data() const { return memory_.data(); }

   private:
    friend void multiply(const Matrix&, const Activations&, float*, std::ptrdiff_t, Pool&);
    Memory memory_;
    int rows_ = 0;
    int columns_ = 0;
    Format format_ = Format::kBf16;
};

// y[r][0 … w.rows - 1] for every row r of x; rows of y are `stride` floats apart.
void multiply(const Matrix& w, const Activations& x, float* y, std::ptrdiff_t stride, Pool& pool);

// One row of a matrix as plain numbers (the embedding of a token).
void copy_row(const Matrix& w, int row, float* out);

}  // namespace inferstep::llm
