// Opening the library that holds libtorch. Part of the module and of the program; knows neither Redis nor libtorch.
#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>
#include <mutex>

#include "inferdb/backend.hpp"

namespace inferstep {

bool is_package(std::string_view blob) {
    // Both kinds are zip archives; the names of the files in them stand at the end.
    constexpr std::size_t kNames = std::size_t{1} << 20;
    const std::string_view names = blob.substr(blob.size() - std::min(blob.size(), kNames));
    return blob.starts_with("PK\x03\x04") && names.find("/data/aotinductor/") != std::string_view::npos;
}

void prepare_environment() {
    if (std::getenv("OMP_WAIT_POLICY") == nullptr) {
        setenv("GOMP_SPINCOUNT", "2000", /*overwrite=*/0);
    }
    setenv("AOTI_RUNTIME_CHECK_INPUTS", "1", /*overwrite=*/1);
}

Result<Backend*> open_torch_backend(const std::string& directory) {
    static std::mutex mutex;
    static Backend* opened = nullptr;
    const std::lock_guard lock(mutex);
    if (opened != nullptr) {
        return opened;
    }
    prepare_environment();
    const std::string path = directory + "/libinferstep_torch.so";
    // Never closed: libtorch registers itself with the process and does not survive that.
    void* library = dlopen(path.c_str(), RTLD_LAZY | RTLD_LOCAL);
    if (library == nullptr) {
        return with_hint(fail("cannot open libtorch: {}", dlerror()), "was it built? `make all` makes " + path);
    }
    using Entry = Backend* (*)();
    const auto entry = reinterpret_cast<Entry>(dlsym(library, "inferstep_torch_backend"));
    if (entry == nullptr) {
        return fail("{} is of another version: {}", path, dlerror());
    }
    opened = entry();
    return opened;
}

}  // namespace inferstep
