// A link by UCX's tagged messages. The sender keeps what is under way; a thread moves it on while nobody calls.
#include <poll.h>

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <list>
#include <mutex>
#include <thread>
#include <vector>

#include "comm/link_make.hpp"
#include "comm/link_wait.hpp"
#include "comm/ucx.hpp"
#include "core/clock.hpp"
#include "core/quiet_thread.hpp"

namespace inferstep::comm {
namespace {

constexpr int kLookMs = 100;
constexpr int kTryMs = 10'000;  // for the first message, which connects
constexpr std::chrono::seconds kLinger(5);
constexpr std::chrono::microseconds kShortNap(100);

// What both ends say of the other's death.
Error lost_over(const LinkEnd& end) { return end.control->explain(lost(end, 0)); }

// Sleep until something may have changed.
void nap(UcxWorker& worker, const LinkEnd& end, bool armed) {
    std::array<pollfd, 2> watched{pollfd{worker.event_fd(), POLLIN, 0}, pollfd{end.control->failure_fd(), POLLIN, 0}};
    poll(watched.data(), watched.size(), armed ? kLookMs : 0);
}

class UcxLink : public Link {
   public:
    UcxLink(const LinkEnd& end, std::unique_ptr<UcxWorker> worker, std::size_t largest)
        : end_(end), worker_(std::move(worker)), capacity_(largest) {}
    UcxLink(const UcxLink&) = delete;
    UcxLink& operator=(const UcxLink&) = delete;
    ~UcxLink() override {
        {
            std::unique_lock lock(mutex_);
            changed_.wait_for(lock, kLinger,
                              [this] { return under_way_.empty() || worker_->broken() || end_.control->failed(); });
            stop_ = true;
            changed_.notify_all();
        }
        if (thread_.joinable()) {
            thread_.join();
        }
    }

    std::string_view transport() const override { return "ucx"; }
    const LinkCounters& counters() const override { return counters_; }

    Status send(const void* data, std::size_t bytes, void* /*stream*/) override {
        const std::int64_t start = now_ns();
        Status s = hand_over(data, bytes);
        count(counters_, bytes, start);
        return s;
    }

    Status receive(void* data, std::size_t bytes, void* /*stream*/) override {
        const std::int64_t start = now_ns();
        Status s = take(data, bytes, 0);
        count(counters_, bytes, start);
        return s;
    }

    // The first message, of no bytes, shows that this transport joins the two.
    Status try_it() { return end_.sends() ? send_first() : take(nullptr, 0, now_ms() + kTryMs); }

   private:
    struct Parcel {
        std::vector<char> bytes;
        UcxTransfer transfer;
    };

    Status hand_over(const void* data, std::size_t bytes) {
        std::unique_lock lock(mutex_);
        Status fine = check();
        while (fine && !under_way_.empty() && outstanding_ + bytes > capacity_) {
            changed_.wait_for(lock, std::chrono::milliseconds(kLookMs));
            fine = check();
        }
        if (!fine) {
            return fine;
        }
        Parcel& parcel = under_way_.emplace_back();
        parcel.bytes.assign(static_cast<const char*>(data), static_cast<const char*>(data) + bytes);
        outstanding_ += bytes;
        Status s = worker_->send(parcel.bytes.data(), bytes, parcel.transfer);
        if (!s) {
            drop_done();
            lock.unlock();
            return lost_over(end_);
        }
        for (Patience patience; !under_way_.empty() && patience.spin(); drop_done()) {
            worker_->progress();
        }
        if (!under_way_.empty() && !thread_.joinable()) {
            thread_ = quiet_thread([this] { move_on(); });
        }
        changed_.notify_all();
        return Status::ok();
    }

    Status send_first() {
        if (Status s = hand_over(nullptr, 0); !s) {
            return s;
        }
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, std::chrono::milliseconds(kTryMs), [this] { return under_way_.empty(); });
        return under_way_.empty() && !worker_->broken() && !lost_one_ ? Status::ok()
                                                                      : fail("UCX does not reach the other end");
    }

    // mutex_ is held.
    void drop_done() {
        under_way_.remove_if([this](Parcel& parcel) {
            const bool done = worker_->is_done(parcel.transfer);
            outstanding_ -= done ? parcel.bytes.size() : 0;
            lost_one_ = lost_one_ || (done && !parcel.transfer.good);
            return done;
        });
    }

    Status check() const {
        if (end_.control->failed()) {
            return *end_.control->failure();
        }
        return worker_->broken() || lost_one_ ? Status(lost_over(end_)) : Status::ok();
    }

    void move_on() {
        std::unique_lock lock(mutex_);
        while (!stop_) {
            changed_.wait(lock, [this] { return stop_ || !under_way_.empty(); });
            const bool moved = worker_->progress();
            drop_done();
            if (under_way_.empty()) {
                changed_.notify_all();
            } else if (!moved) {
                lock.unlock();
                std::this_thread::sleep_for(kShortNap);
                lock.lock();
            }
        }
    }

    // `end_ms` 0: however long it takes.
    Status take(void* data, std::size_t bytes, std::int64_t end_ms) {
        UcxTransfer transfer;
        if (Status s = worker_->receive(data, bytes, transfer); !s) {
            return lost_over(end_);
        }
        Patience patience;
        while (!worker_->is_done(transfer)) {
            if (worker_->progress() || patience.spin()) {
                continue;
            }
            nap(*worker_, end_, worker_->arm());
            if (worker_->progress() || worker_->is_done(transfer)) {
                continue;
            }
            Status s = check();
            s = s && end_ms != 0 && now_ms() > end_ms ? fail("UCX hears nothing from the other end") : s;
            if (!s) {
                worker_->cancel(transfer);
                return s;
            }
        }
        if (transfer.bytes != bytes || !transfer.good) {
            return transfer.good || transfer.bytes > bytes ? Status(wrong_length(end_, transfer.bytes, bytes))
                                                           : Status(lost_over(end_));
        }
        return Status::ok();
    }

    LinkEnd end_;
    std::unique_ptr<UcxWorker> worker_;
    std::size_t capacity_;
    std::mutex mutex_;  // of the sender; the receiver has no thread
    std::condition_variable changed_;
    std::thread thread_;
    std::list<Parcel> under_way_;
    std::size_t outstanding_ = 0;
    bool stop_ = false;
    bool lost_one_ = false;  // a message that was sent did not arrive
    LinkCounters counters_;
};

Result<std::string> letter_of(const Status& own, std::string_view words, const LinkEnd& end) {
    const std::string body = BodyWriter().text(own ? "" : own.error().message).text(words).body();
    if (Status s = end.control->post(end.other(), body); !s) {
        return s.error();
    }
    const Result<std::string> letter = end.control->letter_from(end.other());
    if (!letter || !own) {
        return letter ? own.error() : letter.error();
    }
    BodyReader in(*letter);
    const std::string error = in.text();
    std::string theirs = in.text();
    return in.done() && error.empty() ? Result<std::string>(std::move(theirs))
                                      : fail("{}", error.empty() ? "its letter cannot be read" : error);
}

}  // namespace

// Both ends say after each step whether it worked, so that both come to the same end.
MadeLink make_ucx_link(const LinkEnd& end, const LinkOptions& options) {
    Result<std::unique_ptr<UcxWorker>> worker = UcxWorker::open();
    const Result<std::string> address =
        letter_of(worker ? Status::ok() : Status(worker.error()), worker ? (*worker)->address() : "", end);
    if (!address) {
        return address.error();
    }
    Status s = end.sends() ? (*worker)->connect(*address) : Status::ok();
    auto link = std::make_unique<UcxLink>(end, std::move(*worker), options.largest_message);
    s = s ? link->try_it() : s;
    if (const Result<std::string> agreed = letter_of(s, "", end); !agreed) {
        return agreed.error();
    }
    return std::unique_ptr<Link>(std::move(link));
}

}  // namespace inferstep::comm
