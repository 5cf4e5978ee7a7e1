// Words of a command line as C strings, for what needs libc alone; core/words.hpp is for everything else.
#pragma once

#include <stdlib.h>
#include <string.h>

#include <initializer_list>

namespace inferstep {

// Is `word`, of `length` bytes, one of the words of "a|b|c"? With strncasecmp: in any case.
inline bool is_one_of(const char* word, size_t length, const char* words, char separator = '|',
                      int (*compare)(const char*, const char*, size_t) = strncmp) {
    const char stop[] = {separator, '\0'};
    for (const char* w = words;; ++w) {
        const size_t n = strcspn(w, stop);
        if (n == length && compare(word, w, n) == 0) {
            return true;
        }
        w += n;
        if (*w == '\0') {
            return false;
        }
    }
}

// Do the first `length` bytes, and no more digits behind them, make a whole number between `low` and `high`?
inline bool is_number(const char* text, size_t length, long low, long high) {
    constexpr size_t kMaxDigits = 9;
    const long value = strtol(text, nullptr, 10);
    return strspn(text, "0123456789") == length && length <= kMaxDigits && length > 0 && value >= low && value <= high;
}

// Does `list`, whose items are separated by ';', end with `item`?
inline bool ends_with_item(const char* list, const char* item) {
    const size_t all = strlen(list);
    const size_t tail = strlen(item);
    return all >= tail && strcmp(list + all - tail, item) == 0 && (all == tail || list[all - tail - 1] == ';');
}

// `first` and `second` in one text, cut where it is full: for the options, which every srun of a cluster registers.
template <size_t size>
const char* join(char (&text)[size], const char* first, const char* second) {
    size_t used = 0;
    for (const char* part : {first, second}) {
        const size_t left = size - 1 - used;
        const size_t length = strlen(part) < left ? strlen(part) : left;
        memcpy(text + used, part, length);
        used += length;
    }
    text[used] = '\0';
    return text;
}

}  // namespace inferstep
