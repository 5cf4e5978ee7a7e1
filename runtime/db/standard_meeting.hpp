// How the tasks of a standard database find each other: files in a directory that all of them see.
//
// A task leaves "<what>.<rank>" there and reads what the others left. The directory is the user's alone; it lives from
// the start until the database is ready. A single task needs none.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/result.hpp"

namespace inferstep {

class Meeting {
   public:
    // What a task may have to say.
    static constexpr const char* kSubjects[] = {"secret", "shards", "models"};

    // Called between two looks, to sleep a little. Its Error ends the wait: time over, step over, a database gone.
    using Pause = std::function<Status(const std::string& waiting_for)>;

    // `name`: the same in all tasks of this step, and of no other step.
    static Result<Meeting> join(const std::string& directory, const std::string& name, int rank, int ranks);

    Status leave(const std::string& what, const std::string& text);  // what this task has to say
    Result<std::string> of(const std::string& what, int rank, const Pause& pause);
    Result<std::vector<std::string>> of_all(const std::string& what, const Pause& pause);  // by rank

    // The first task calls it when all have read everything.
    void remove();

    // All that it may hold, and itself last.
    std::vector<std::string> paths() const;

   private:
    Meeting(std::string path, int rank, int ranks) : path_(std::move(path)), rank_(rank), ranks_(ranks) {}
    std::string path_;
    int rank_;
    int ranks_;
    std::vector<std::pair<std::string, std::string>> own_;  // what this task said
};

}  // namespace inferstep
