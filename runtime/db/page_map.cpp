#include "db/page_map.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "core/log.hpp"
#include "core/words.hpp"

namespace inferstep {
namespace {

Result<Page*> map(int fd, std::size_t size) {
    void* at = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED) {
        return fail("cannot map the shared page: {}", std::strerror(errno));
    }
    return static_cast<Page*>(at);
}

}  // namespace

Result<MappedPage> MappedPage::open(UniqueFd fd) {
    struct stat st {};
    if (fstat(fd.get(), &st) != 0) {
        return fail("--page-fd: {}", std::strerror(errno));
    }
    const auto size = static_cast<std::size_t>(st.st_size);
    if (size < sizeof(Page)) {
        return fail("--page-fd: this is no page of a step");
    }
    Result<Page*> page = map(fd.get(), size);
    if (!page) {
        return page.error();
    }
    MappedPage mapped(*page, size, UniqueFd());
    if (mapped->magic != kPageMagic || mapped->version != kPageVersion || size < page_size(mapped->task_count)) {
        return with_hint(fail("--page-fd: this is no page of version {}", kPageVersion),
                         "install the plugin and the program from the same build");
    }
    return mapped;
}

Result<MappedPage> MappedPage::create(std::uint32_t task_count) {
    UniqueFd fd(memfd_create("inferstep-page", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    const std::size_t size = page_size(task_count);
    if (!fd || ftruncate(fd.get(), static_cast<off_t>(size)) != 0 ||
        fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
        return fail("cannot make the shared page: {}", std::strerror(errno));
    }
    Result<Page*> page = map(fd.get(), size);
    if (!page) {
        return page.error();
    }
    (*page)->magic = kPageMagic;
    (*page)->version = kPageVersion;
    (*page)->task_count = task_count;
    return MappedPage(*page, size, std::move(fd));
}

MappedPage::MappedPage(MappedPage&& other) noexcept
    : page_(std::exchange(other.page_, nullptr)), size_(other.size_), fd_(std::move(other.fd_)) {}

MappedPage& MappedPage::operator=(MappedPage&& other) noexcept {
    std::swap(page_, other.page_);
    std::swap(size_, other.size_);
    std::swap(fd_, other.fd_);
    return *this;
}

MappedPage::~MappedPage() {
    if (page_ != nullptr) {
        munmap(page_, size_);
    }
}

void tell_failure(Page* page, const Error& error) {
    if (page == nullptr) {
        print_error(in_own_words(error));
        return;
    }
    set_text(page->message, printable(error.message));
    set_text(page->hint, printable(error.hint));
    page_advance(*page, PageState::starting, PageState::failed);
}

}  // namespace inferstep
