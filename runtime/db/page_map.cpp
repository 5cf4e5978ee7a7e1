#include "db/page_map.hpp"

#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "core/log.hpp"
#include "core/page_step.hpp"
#include "core/version.hpp"
#include "core/words.hpp"

namespace inferstep {
Result<MappedPage> MappedPage::open(UniqueFd fd) {
    struct stat st {};
    if (fstat(fd.get(), &st) != 0) {
        return fail("--page-fd: {}", std::strerror(errno));
    }
    const auto size = static_cast<std::size_t>(st.st_size);
    const Error no_page = fail("--page-fd: this is no page of a step");
    if (size < sizeof(Page::magic) + sizeof(Page::version)) {
        return no_page;
    }
    void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
    if (memory == MAP_FAILED) {
        return fail("cannot map the shared page: {}", std::strerror(errno));
    }
    MappedPage mapped(static_cast<Page*>(memory), size, UniqueFd());
    if (mapped->magic != kPageMagic) {
        return no_page;
    }
    if (mapped->version != kPageVersion) {  // in every version these two come first
        return with_hint(fail("whoever started the step has version {} of the shared page, this inferstep, {}, has {}",
                              mapped->version, version_json().text("inferstep"), kPageVersion),
                         "install the plugin and the program from the same build");
    }
    if (size < sizeof(Page) || size < page_size(mapped->task_count)) {
        return no_page;
    }
    return mapped;
}

Result<MappedPage> MappedPage::create(std::uint32_t task_count) {
    UniqueFd fd;
    Page* page = make_page(task_count, fd);
    if (page == nullptr) {
        return fail("cannot make the shared page: {}", std::strerror(errno));
    }
    return MappedPage(page, page_size(task_count), std::move(fd));
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

StepIdentity identity_of(const Page* page, bool standard) {
    StepIdentity id = step_identity();
    if (standard) {
        return id;
    }
    id.slurm = page != nullptr && page->job_id != 0;
    id.job = id.slurm ? std::to_string(page->job_id) : "local";
    id.step = std::to_string(page != nullptr ? page->step_id : static_cast<std::uint32_t>(getpid()));
    id.restart = page != nullptr ? static_cast<int>(page->restart_count) : 0;
    id.node_index = page != nullptr ? static_cast<int>(page->node_id) : 0;
    id.nodes = page != nullptr ? static_cast<int>(page->node_count) : 1;
    return id;
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
