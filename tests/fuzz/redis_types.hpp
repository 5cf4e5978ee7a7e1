// What stands behind the names that inferdb/api.hpp only declares, in the stand-in for redis-server.
#pragma once

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "inferdb/api.hpp"

namespace inferstep::fuzz {

[[noreturn]] inline void wrong(const char* what, const std::string& detail = "") {
    std::fprintf(stderr, "WRONG: %s %s\n", what, detail.c_str());
    std::abort();
}

// Counts what a reply consists of: one value, where an array is one with as many inside as it said.
class ReplyCheck {
   public:
    void value() {
        count();
        close();
    }
    void array(long length) {
        count();
        if (length < -1) {
            wrong("an array of negative length");
        }
        if (length == 0) {
            close();
        } else {
            open_.push_back({length, 0});
        }
    }
    void set_length(long length) {
        if (open_.empty() || open_.back().expected != redis::kPostponedLength || open_.back().got != length) {
            wrong("the length of an array is not what it holds");
        }
        open_.pop_back();
        close();
    }
    bool complete() const { return values_ == 1 && open_.empty(); }
    bool empty() const { return values_ == 0; }

   private:
    struct Array {
        long expected;
        long got;
    };
    void count() { ++(open_.empty() ? values_ : open_.back().got); }
    void close() {
        while (!open_.empty() && open_.back().expected == open_.back().got) {
            open_.pop_back();
        }
    }
    std::vector<Array> open_;
    long values_ = 0;
};

}  // namespace inferstep::fuzz

namespace inferstep::redis {

struct String {
    std::string text;
    std::atomic<int> references{1};
};

struct Type {
    std::string name;
    int encoding;
    TypeMethods methods;
};

struct Context {
    int (*lookup)(const char* name, void* pointer) = nullptr;  // the module reads it as the first word
    fuzz::ReplyCheck reply;
    int flags = 0;
    Blocked* blocked = nullptr;    // made by the command that runs
    void* private_data = nullptr;  // in a reply to a client that waited
    bool wants_keys = false;
    std::vector<int> keys;
};

struct Key {
    std::string name;
    int mode;
};

struct Blocked {
    Command reply;
    Release release;
    Disconnected disconnected = nullptr;
    void* data = nullptr;
    bool answered = false;
    bool gone = false;
};

struct Io {
    std::string bytes;
    std::size_t at = 0;
    bool error = false;
    String name;
};

struct Info {};
struct CallReply {};
struct User {};
struct Filter {};
struct FilterContext {
    std::vector<String*> words;
};
struct Cursor {
    bool done = false;
};

}  // namespace inferstep::redis
