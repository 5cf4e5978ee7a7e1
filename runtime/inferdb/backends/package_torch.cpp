#include "inferdb/backends/package_torch.hpp"

#include <c10/core/InferenceMode.h>
#include <caffe2/serialize/inline_container.h>
#include <dlfcn.h>
#include <elf.h>
#include <fmt/ranges.h>
#include <torch/version.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "core/json.hpp"
#include "inferdb/backends/convert_torch.hpp"
#include "inferdb/backends/device_torch.hpp"
#include "inferdb/backends/memory_reader_torch.hpp"
#include "inferdb/backends/threads_torch.hpp"

namespace inferstep {
namespace {

constexpr std::string_view kFolder = "data/aotinductor/";

// Whether the file has all that it says it maps: the dynamic linker believes it, and dies of SIGBUS when it is cut
// short.
bool is_whole(std::string_view code) {
    Elf64_Ehdr header{};
    if (code.size() < sizeof header) {
        return false;
    }
    std::memcpy(&header, code.data(), sizeof header);
    const auto fits = [&](std::uint64_t offset, std::uint64_t size) {
        return offset <= code.size() && size <= code.size() - offset;
    };
    if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_phentsize != sizeof(Elf64_Phdr) ||
        !fits(header.e_phoff, std::uint64_t{header.e_phnum} * sizeof(Elf64_Phdr))) {
        return false;
    }
    for (std::size_t i = 0; i < header.e_phnum; ++i) {
        Elf64_Phdr part{};
        std::memcpy(&part, code.data() + header.e_phoff + i * sizeof part, sizeof part);
        if (part.p_type == PT_LOAD && !fits(part.p_offset, part.p_filesz)) {
            return false;
        }
    }
    return true;
}

// The dynamic linker opens files only: a package's are written to a directory of our own, and gone as soon as the
// linker has mapped them, so that no end of the process leaves them behind.
class Unpacked {
   public:
    explicit Unpacked(std::string_view blob) {
        std::string pattern = (std::filesystem::temp_directory_path() / "inferstep-package-XXXXXX").string();
        if (mkdtemp(pattern.data()) == nullptr) {
            throw std::runtime_error("cannot make a directory like " + pattern + ": " + std::strerror(errno));
        }
        directory_ = pattern;
        try {
            unpack(blob);
        } catch (...) {
            remove();
            throw;
        }
    }
    ~Unpacked() { remove(); }
    Unpacked(const Unpacked&) = delete;
    Unpacked& operator=(const Unpacked&) = delete;

    const std::string& code() const { return code_; }          // path of the shared object
    const std::string& metadata() const { return metadata_; }  // the text of its neighbour *_metadata.json

   private:
    void unpack(std::string_view blob) {
        caffe2::serialize::PyTorchStreamReader archive(std::make_shared<MemoryReader>(blob));
        for (const std::string& record : archive.getAllRecords()) {
            // Whatever folders a record names, its file lies in our directory.
            const std::string name = std::filesystem::path(record).filename().string();
            if (!record.starts_with(kFolder) || name.empty() || name == ".." || name.ends_with(".cpp")) {
                continue;
            }
            const auto [data, size] = archive.getRecord(record);
            const std::string_view bytes(static_cast<const char*>(data.get()), size);
            if (name.ends_with(".so")) {
                check_code(bytes);
                code_ = directory_ + "/" + name;
            } else if (name.ends_with("wrapper_metadata.json") ||
                       (metadata_.empty() && name.ends_with("metadata.json"))) {
                metadata_ = bytes;
            }
            std::ofstream file(directory_ + "/" + name, std::ios::binary);
            file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
            file.close();
            if (!file) {
                throw std::runtime_error("cannot write " + directory_ + "/" + name + ": " + std::strerror(errno));
            }
        }
        if (code_.empty()) {
            throw std::runtime_error("the package holds no compiled model");
        }
    }

    void check_code(std::string_view code) const {
        if (!code_.empty()) {
            throw std::runtime_error("the package holds more than one compiled model");
        }
        if (!is_whole(code)) {
            throw std::runtime_error("the package's compiled model is cut short, or none");
        }
        if (code.find("AOTI_RUNTIME_CHECK_INPUTS") == std::string_view::npos) {
            throw std::runtime_error("the package cannot check its inputs; export it again with torch " TORCH_VERSION);
        }
    }

    void remove() const {
        std::error_code ignored;
        std::filesystem::remove_all(directory_, ignored);
    }

    std::string directory_;
    std::string code_;
    std::string metadata_;
};

// Compiled models ask for libtorch.so, which asks for CUDA. All they use of it is in libtorch_cpu.so, which they name
// as well: an empty library of that name satisfies the dynamic linker.
void open_stand_in() {
    Dl_info self{};
    if (dladdr(reinterpret_cast<const void*>(&open_stand_in), &self) == 0 || self.dli_fname == nullptr) {
        return;
    }
    const auto beside = std::filesystem::path(self.dli_fname).parent_path() / "libinferstep_standin.so";
    if (dlopen(beside.c_str(), RTLD_LAZY | RTLD_LOCAL) == nullptr) {
        throw std::runtime_error(std::string("cannot open ") + dlerror());
    }
}

}  // namespace

PackageModel::PackageModel(std::string_view blob, at::Device device, const ModelOptions& options)
    : device_(device), threads_(options.threads) {
    open_stand_in();
    const Unpacked files(blob);
    read_description(files.metadata());
    const auto& makers = torch::inductor::getAOTIModelRunnerRegistry();
    const auto maker = makers.find(c10::DeviceTypeName(device.type(), /*lower_case=*/true));
    if (maker == makers.end()) {
        throw std::runtime_error("this libtorch runs no packages on " + device.str());
    }
    runner_ = maker->second(files.code(), static_cast<std::size_t>(options.at_once), device.str(), "",
                            /*run_single_threaded=*/false);
}

// What the compiler says of its device, and what our export tool says of the inputs.
void PackageModel::read_description(const std::string& text) {
    const auto metadata = Json::parse(text, "the package's metadata");
    if (!metadata) {
        throw std::runtime_error(metadata.error().message);
    }
    const std::string device = metadata->text("AOTI_DEVICE_KEY");
    if (device != c10::DeviceTypeName(device_.type(), /*lower_case=*/true)) {
        throw std::runtime_error("the package was compiled for the device " + device);
    }
    if (!metadata->has("inferstep")) {
        return;
    }
    const auto about = Json::parse(metadata->text("inferstep"), "the package's description");
    if (!about) {
        throw std::runtime_error(about.error().message);
    }
    described_ = true;
    batch_.low = static_cast<std::int64_t>(about->number("batch_low"));
    batch_.high = static_cast<std::int64_t>(about->number("batch_high"));
    for (const Json& extent : about->copy_of("example_shape").items()) {
        example_shape_.push_back(static_cast<std::int64_t>(extent.as_number()));
    }
    if (example_shape_.empty() || batch_.low < 1 || batch_.high < batch_.low) {
        throw std::runtime_error("the package's description makes no sense");
    }
    if (about->has("precision_error")) {
        error_ = about->number("precision_error");
    }
}

// The code checks its inputs as well, but says what is wrong with them only on stderr.
void PackageModel::check(const std::vector<TensorView>& inputs) const {
    std::vector<std::int64_t> shape = inputs.front().shape;
    const bool fits = inputs.size() == 1 && inputs.front().dtype == DType::float32 && !shape.empty() &&
                      shape.size() == example_shape_.size() && shape.front() >= batch_.low &&
                      shape.front() <= batch_.high &&
                      std::equal(shape.begin() + 1, shape.end(), example_shape_.begin() + 1);
    if (!fits) {
        throw std::invalid_argument(fmt::format("the package takes one FLOAT tensor, {} to {} samples of {}",
                                                batch_.low, batch_.high,
                                                fmt::join(example_shape_.begin() + 1, example_shape_.end(), "x")));
    }
}

Result<std::vector<TensorView>> PackageModel::run(const std::vector<TensorView>& inputs) {
    try {
        const c10::InferenceMode inference;
        use_threads(threads_);
        const WorkerStream stream(device_);
        if (described_) {
            check(inputs);
        }
        std::vector<at::Tensor> tensors;
        tensors.reserve(inputs.size());
        for (const TensorView& view : inputs) {
            const at::Tensor tensor = to_tensor(view, device_);
            tensors.push_back(described_ ? tensor : tensor.clone());
        }
        std::vector<TensorView> outputs;
        for (const at::Tensor& output : runner_->run(tensors)) {
            collect(output, outputs);
        }
        return outputs;
    } catch (const std::exception& e) {
        // The code itself says what is wrong on stderr only.
        const std::string reason = one_line(e);
        return reason.find("API call failed") == std::string::npos
                   ? Error{reason, {}}
                   : Error{"the compiled model fails or does not take these inputs; the database's log says why", {}};
    } catch (...) {
        return Error{"the package failed in an unknown way", {}};
    }
}

}  // namespace inferstep
