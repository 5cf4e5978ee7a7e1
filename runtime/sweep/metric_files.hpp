// The files that a metric is read from: which ones a pattern means, and their lines, one at a time, however many.
#pragma once

#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

namespace inferstep::sweep {

// May a rule name its files so: below the point's directory, not above it.
Status check_pattern(const std::string& pattern);

// The plain files below `directory` that match, as paths below it, rank_2 before rank_10. `*`, `?` and [ ] stand for
// characters of one name, never for a /.
std::vector<std::string> matching_files(const std::string& directory, const std::string& pattern);

class Lines {
   public:
    // Error: not readable, no plain file.
    static Result<Lines> open(const std::string& path);
    // The next line without its end, or null. Valid until the next call.
    const std::string_view* next();
    long number() const { return number_; }   // of that line, from 1
    bool is_whole() const { return whole_; }  // it had an end: the last line of a file that was cut off has none
    bool failed() const { return ferror(file_.get()) != 0; }

   private:
    struct Close {
        void operator()(FILE* file) const { fclose(file); }
    };
    struct Free {
        void operator()(char* text) const { free(text); }
    };
    explicit Lines(FILE* file) : file_(file) {}
    std::unique_ptr<FILE, Close> file_;
    std::unique_ptr<char, Free> buffer_;
    std::size_t size_ = 0;
    std::string_view line_;
    long number_ = 0;
    bool whole_ = true;
};

}  // namespace inferstep::sweep
