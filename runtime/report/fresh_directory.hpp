// A directory that appears whole or not at all: made beside its place, moved there when everything is in it.
#pragma once

#include <string>
#include <utility>

#include "core/result.hpp"

namespace inferstep::report {

class FreshDirectory {
   public:
    // Error: nothing can be written there.
    static Result<FreshDirectory> make(const std::string& place);
    FreshDirectory(FreshDirectory&& other) noexcept
        : place_(std::move(other.place_)), path_(std::exchange(other.path_, {})) {}
    FreshDirectory& operator=(FreshDirectory&&) = delete;
    FreshDirectory(const FreshDirectory&) = delete;
    FreshDirectory& operator=(const FreshDirectory&) = delete;
    ~FreshDirectory();  // removes what has not been kept

    const std::string& path() const { return path_; }
    // Takes the place, of an empty directory or of one that may be replaced, which is gone afterwards.
    Status keep();

   private:
    FreshDirectory(std::string place, std::string path) : place_(std::move(place)), path_(std::move(path)) {}
    std::string place_, path_;
};

}  // namespace inferstep::report
