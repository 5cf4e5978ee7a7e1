// CpuSet: a set of CPU numbers as the operating system numbers them.
//
// A plain value of fixed size, so that it can lie in shared memory and be used by the plugin: this header needs libc
// alone. CPUs at and above kMaxCpus cannot be represented; reading a mask that has one fails.
#pragma once

#include <sched.h>
#include <sys/types.h>

#include <bit>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace inferstep {

constexpr int kMaxCpus = 1024;

struct CpuSet {
    std::uint64_t words[kMaxCpus / 64] = {};

    bool has(int cpu) const { return cpu >= 0 && cpu < kMaxCpus && ((words[cpu / 64] >> (cpu % 64)) & 1U) != 0; }
    void add(int cpu) { words[cpu / 64] |= std::uint64_t{1} << (cpu % 64); }
    void remove(int cpu) { words[cpu / 64] &= ~(std::uint64_t{1} << (cpu % 64)); }
    int count() const {
        int n = 0;
        for (std::uint64_t w : words) {
            n += std::popcount(w);
        }
        return n;
    }
    bool empty() const { return count() == 0; }
    // The lowest CPU number at or above `from`, or -1. Loop: for (int c = s.next(0); c >= 0; c = s.next(c + 1))
    int next(int from) const {
        for (int c = from; c < kMaxCpus; c = (c / 64 + 1) * 64) {
            if (const std::uint64_t rest = words[c / 64] >> (c % 64); rest != 0) {
                return c + std::countr_zero(rest);
            }
        }
        return -1;
    }
    CpuSet operator|(const CpuSet& o) const {
        CpuSet r;
        for (int i = 0; i < kMaxCpus / 64; ++i) {
            r.words[i] = words[i] | o.words[i];
        }
        return r;
    }
    CpuSet operator&(const CpuSet& o) const {
        CpuSet r;
        for (int i = 0; i < kMaxCpus / 64; ++i) {
            r.words[i] = words[i] & o.words[i];
        }
        return r;
    }
    CpuSet operator-(const CpuSet& o) const {
        CpuSet r;
        for (int i = 0; i < kMaxCpus / 64; ++i) {
            r.words[i] = words[i] & ~o.words[i];
        }
        return r;
    }
    bool operator==(const CpuSet& o) const = default;
};

// The mask of a process (0: of this thread). False with errno set when it cannot be read.
inline bool get_affinity(pid_t pid, CpuSet& set) {
    cpu_set_t mask;
    static_assert(sizeof mask == sizeof set.words && CPU_SETSIZE == kMaxCpus);
    CPU_ZERO(&mask);
    if (sched_getaffinity(pid, sizeof mask, &mask) != 0) {
        return false;
    }
    __builtin_memcpy(set.words, &mask, sizeof mask);
    return true;
}

inline bool set_affinity(pid_t pid, const CpuSet& set) {
    cpu_set_t mask;
    __builtin_memcpy(&mask, set.words, sizeof mask);
    return sched_setaffinity(pid, sizeof mask, &mask) == 0;
}

// Write the Linux list form, "0-3,8", into `out` (always terminated). Returns `out`; a list that does not fit ends in
// "…".
inline char* format_cpus(const CpuSet& set, char* out, std::size_t size) {
    std::size_t used = 0;
    out[0] = '\0';
    for (int first = set.next(0); first >= 0;) {
        int last = first;
        while (set.has(last + 1)) {
            ++last;
        }
        const int n = first == last ? snprintf(out + used, size - used, "%s%d", used != 0 ? "," : "", first)
                                    : snprintf(out + used, size - used, "%s%d-%d", used != 0 ? "," : "", first, last);
        if (n < 0 || static_cast<std::size_t>(n) >= size - used) {
            if (size >= 4) {
                snprintf(out + (used + 4 > size ? size - 4 : used), 4, "…");
            }
            break;
        }
        used += static_cast<std::size_t>(n);
        first = set.next(last + 1);
    }
    return out;
}

// Read the Linux list form. False when the text is anything else, is empty, or names a CPU outside 0 … kMaxCpus-1.
inline bool parse_cpus(const char* text, CpuSet& set) {
    set = CpuSet{};
    for (const char* p = text;;) {
        char* end = nullptr;
        if (*p < '0' || *p > '9') {
            return false;
        }
        const long first = strtol(p, &end, 10);
        long last = first;
        if (*end == '-') {
            if (end[1] < '0' || end[1] > '9') {
                return false;
            }
            last = strtol(end + 1, &end, 10);
        }
        if (first > last || last >= kMaxCpus) {
            return false;
        }
        for (long c = first; c <= last; ++c) {
            set.add(static_cast<int>(c));
        }
        if (*end == '\0') {
            return true;
        }
        if (*end != ',') {
            return false;
        }
        p = end + 1;
    }
}

}  // namespace inferstep
