#include "comm/world.hpp"

#include <unistd.h>

#include "comm/address.hpp"
#include "comm/control.hpp"
#include "comm/link_make.hpp"
#include "comm/meet.hpp"

namespace inferstep::comm {
namespace {

constexpr std::size_t kLargestPiece = 64U << 20U;

class StepWorld : public World {
   public:
    StepWorld(int rank, std::unique_ptr<Control> control) : rank_(rank), control_(std::move(control)) {}

    int rank() const override { return rank_; }
    int size() const override { return static_cast<int>(control_->peers().size()); }
    const std::vector<Peer>& peers() const override { return control_->peers(); }

    Result<std::vector<std::string>> all_gather(std::string_view mine) override {
        if (mine.size() >= kLargestPiece) {
            return fail("rank {} has {} bytes for the others, and {} are the most", rank_, mine.size(), kLargestPiece);
        }
        return control_->gather(mine, false);
    }

    Status barrier() override { return done(control_->gather({}, false)); }
    Status leave() override { return done(control_->gather({}, true)); }

    Result<std::unique_ptr<Link>> link(int from, int to, const LinkOptions& options) override {
        const bool known = from >= 0 && to >= 0 && from < size() && to < size();
        if (!known || from == to || (rank_ != from && rank_ != to)) {
            return fail("rank {} cannot make a link from rank {} to rank {}", rank_, from, to);
        }
        return make_link({control_.get(), rank_, from, to}, options);
    }

    void abort(const Error& why) override { control_->give_up(why); }
    std::optional<Error> failure() const override { return control_->failure(); }

   private:
    static Status done(const Result<std::vector<std::string>>& round) {
        return round ? Status::ok() : Status(round.error());
    }

    int rank_;
    std::unique_ptr<Control> control_;
};

}  // namespace

Result<std::unique_ptr<World>> World::join(const StepIdentity& id, const WorldOptions& options) {
    Meeting meeting;
    if (id.ranks == 1) {
        meeting.peers = {{0, id.node, machine_id(), getpid()}};
        meeting.addresses = {""};
        meeting.connections.resize(1);
    } else {
        Result<Meeting> met = meet(id, options);
        if (!met) {
            return met.error();
        }
        meeting = std::move(*met);
    }
    auto control = std::make_unique<Control>(id.rank, std::move(meeting), options);
    if (Status s = control->start(); !s) {
        return s.error();
    }
    return std::unique_ptr<World>(std::make_unique<StepWorld>(id.rank, std::move(control)));
}

}  // namespace inferstep::comm
