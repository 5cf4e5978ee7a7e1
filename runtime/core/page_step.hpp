// Both ends of the shared page's life: how whoever starts a step makes it, and what a task takes from it. Needs libc
// alone.
#pragma once

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "core/client_env.hpp"
#include "core/fd.hpp"
#include "core/page.hpp"
#include "core/problem.hpp"

namespace inferstep {

// A new page for `task_count` tasks: zeros but for magic, version and count. `fd` is for the supervisor. The seals keep
// the user, who can write the page, from shrinking it: whoever else maps it would die of SIGBUS. nullptr with errno set
// when there can be none.
inline Page* make_page(std::uint32_t task_count, UniqueFd& fd) {
    constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
    const std::size_t size = page_size(task_count);
    fd.reset(memfd_create("inferstep", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!fd || ftruncate(fd.get(), static_cast<off_t>(size)) != 0 || fcntl(fd.get(), F_ADD_SEALS, kSeals) != 0) {
        return nullptr;
    }
    void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
    if (memory == MAP_FAILED) {
        return nullptr;
    }
    auto* page = static_cast<Page*>(memory);
    page->magic = kPageMagic;
    page->version = kPageVersion;
    page->task_count = task_count;
    return page;
}

// How much longer than its deadline the supervisor is waited for: it keeps the deadline itself, and then tells more
// than anybody else could.
constexpr int kSupervisorGraceMs = 5000;

// The whole node gives up. False: somebody had the first word already.
inline bool page_fail(Page& page, const Problem& why) {
    snprintf(page.message, sizeof page.message, "%s", why.text);
    return page_advance(page, PageState::starting, PageState::failed);
}

// With --dry-run the supervisor ends in `failed` as well; this is how its message begins when all went well.
constexpr char kDryRunDone[] = "dry run:";
inline bool dry_run_done(const Page& page) {
    return page_state(page) == PageState::failed && strncmp(page.message, kDryRunDone, sizeof kDryRunDone - 1) == 0;
}

// A text of the page: ends within its field, whoever wrote it.
template <std::size_t size>
struct PageText {
    explicit PageText(const char (&field)[size]) {
        memcpy(text, field, size);
        text[size] = '\0';
    }
    char text[size + 1];
};

// Calls set(name, value, replace) for every variable that the task gets. False: the page gives it no database.
template <typename Set>
bool for_each_variable(const Page& page, const PageTask& task, Set&& set) {
    const std::int32_t index = task.instance;
    if (index < 0 || index >= kMaxInstances) {
        return false;
    }
    char number[16];
    snprintf(number, sizeof number, "%d", index);
    for_each_client_variable(PageText(page.instances[index].endpoint).text, "Standalone", true, set);
    set("INFER_STATE_DIR", PageText(page.state_dir).text, true);
    set("INFER_INSTANCE", number, true);
    if (page.reconnect_s > 0) {
        snprintf(number, sizeof number, "%d", page.reconnect_s);
        set("INFER_RECONNECT", number, true);
    }
    const PageText tcp(page.instances[index].tcp);
    if (tcp.text[0] == '\0') {
        return true;
    }
    char file[sizeof page.state_dir + sizeof page.secret + 2];
    const PageText secret(page.secret);
    snprintf(file, sizeof file, "%s/%s", PageText(page.state_dir).text, secret.text);
    set("INFER_DB_TCP", tcp.text, true);
    set(kSecretFile, secret.text[0] != '\0' ? file : "", true);
    return true;
}

}  // namespace inferstep
