// The shared page of core/page.hpp, mapped into this process.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/fd.hpp"
#include "core/page.hpp"
#include "core/result.hpp"
#include "core/step.hpp"

namespace inferstep {

class MappedPage {
   public:
    // Map the page behind `fd`, which is closed. Error: it is not a page of this version.
    static Result<MappedPage> open(UniqueFd fd);

    // A new page for `task_count` tasks: zeros but for magic, version, count. fd() is to be handed to the supervisor;
    // it is sealed, so that nobody can shrink it under us.
    static Result<MappedPage> create(std::uint32_t task_count);

    MappedPage(MappedPage&& other) noexcept;
    MappedPage& operator=(MappedPage&& other) noexcept;
    ~MappedPage();

    Page* operator->() const { return page_; }
    Page& operator*() const { return *page_; }
    int fd() const { return fd_.get(); }  // of create() only

   private:
    MappedPage(Page* page, std::size_t size, UniqueFd fd) : page_(page), size_(size), fd_(std::move(fd)) {}
    Page* page_ = nullptr;
    std::size_t size_ = 0;
    UniqueFd fd_;
};

// Write `text` into one of the page's text fields, cut where it does not fit.
template <std::size_t size>
void set_text(char (&field)[size], std::string_view text) {
    field[text.copy(field, size - 1)] = '\0';
}

// Whose page it is. Without one: each process of a standard database is a task of its step, any other server is the
// step local.<pid>.
StepIdentity identity_of(const Page* page, bool standard);

// Tell those who wait on `page` that nothing will come, and why; without a page (null) tell the person at the terminal.
void tell_failure(Page* page, const Error& error);

}  // namespace inferstep
