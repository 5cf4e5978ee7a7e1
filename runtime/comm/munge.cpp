#include "comm/munge.hpp"

#include <dlfcn.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "core/file.hpp"
#include "core/words.hpp"

namespace inferstep::comm {
namespace {

constexpr int kSocketOption = 8;  // MUNGE_OPT_SOCKET

// libmunge.so.2, which has had these since 2004.
struct Functions {
    int (*encode)(char** credential, void* context, const void* data, int size) = nullptr;
    int (*decode)(const char* credential, void* context, void** data, int* size, uid_t* uid, gid_t* gid) = nullptr;
    const char* (*error_text)(int error) = nullptr;
    void* (*create_context)() = nullptr;
    int (*set_option)(void* context, int option, ...) = nullptr;
    void (*destroy_context)(void* context) = nullptr;
};

// Where munged listens: as we are told, else as Slurm is (AuthInfo in slurm.conf). Empty: at its usual place.
std::string socket_path() {
    const char* told = std::getenv("INFER_MUNGE_SOCKET");
    if (told != nullptr && *told != '\0') {
        return told;
    }
    const char* path = std::getenv("SLURM_CONF");
    const Result<std::string> config = read_file(path != nullptr ? path : "/etc/slurm/slurm.conf");
    for (const std::string& line : split(config ? *config : "", '\n')) {
        constexpr std::string_view kSocket = "socket=";
        const std::size_t at = line.starts_with("AuthInfo=") ? line.find(kSocket) : std::string::npos;
        if (at != std::string::npos) {
            const std::size_t begin = at + kSocket.size();
            return line.substr(begin, line.find_first_of(", \t\r#", begin) - begin);
        }
    }
    return {};
}

template <typename Function>
bool find(void* library, const char* name, Function& out) {
    out = reinterpret_cast<Function>(dlsym(library, name));
    return out != nullptr;
}

class Library : public Munge {
   public:
    explicit Library(const Functions& functions) : f_(functions), context_(f_.create_context()) {
        if (const std::string path = socket_path(); !path.empty()) {
            f_.set_option(context_, kSocketOption, path.c_str());
        }
    }
    Library(const Library&) = delete;
    Library& operator=(const Library&) = delete;
    ~Library() override { f_.destroy_context(context_); }

    Result<std::string> say(std::string_view words) const override {
        char* credential = nullptr;
        const int error = f_.encode(&credential, context_, words.data(), static_cast<int>(words.size()));
        std::string text(credential != nullptr ? credential : "");
        std::free(credential);
        return error == 0 ? Result<std::string>(std::move(text))
                          : fail("munge does not answer: {}", f_.error_text(error));
    }

    Status verify(const std::string& credential, std::string_view words) const override {
        void* data = nullptr;
        int size = 0;
        uid_t uid = 0;
        gid_t gid = 0;
        const int error = f_.decode(credential.c_str(), context_, &data, &size, &uid, &gid);
        const bool same = data != nullptr && size >= 0 && static_cast<std::size_t>(size) == words.size() &&
                          std::memcmp(data, words.data(), words.size()) == 0;
        std::free(data);
        if (error != 0) {
            return fail("munge does not take its credential: {}", f_.error_text(error));
        }
        return same && uid == geteuid() ? Status::ok() : Status(fail("its munge credential is not this step's"));
    }

   private:
    Functions f_;
    void* context_;
};

}  // namespace

Result<std::unique_ptr<Munge>> Munge::open() {
    void* library = dlopen("libmunge.so.2", RTLD_NOW | RTLD_LOCAL);  // stays: it is asked once per step
    Functions f;
    if (library == nullptr || !find(library, "munge_encode", f.encode) || !find(library, "munge_decode", f.decode) ||
        !find(library, "munge_strerror", f.error_text) || !find(library, "munge_ctx_create", f.create_context) ||
        !find(library, "munge_ctx_set", f.set_option) || !find(library, "munge_ctx_destroy", f.destroy_context)) {
        return fail("libmunge.so.2 is not there");
    }
    auto munge = std::make_unique<Library>(f);
    if (const Result<std::string> word = munge->say("inferstep"); !word) {
        return word.error();
    }
    return std::unique_ptr<Munge>(std::move(munge));
}

}  // namespace inferstep::comm
