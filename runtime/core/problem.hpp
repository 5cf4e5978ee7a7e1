// Problem: one sentence that tells the user what is wrong, of bounded length, for what needs libc alone;
// core/result.hpp is for everything else.
#pragma once

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

namespace inferstep {

struct Problem {
    char text[512] = "";

    // Always false, so that `return why.is("cannot read '%s'", path);` reads as one sentence. What the user wrote may
    // hold anything: control characters become '?'.
    __attribute__((format(printf, 2, 3))) bool is(const char* format, ...) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(text, sizeof text, format, arguments);
        va_end(arguments);
        for (char* c = text; *c != '\0'; ++c) {
            *c = iscntrl(static_cast<unsigned char>(*c)) != 0 ? '?' : *c;
        }
        return false;
    }
};

}  // namespace inferstep
