// The sending end of a TCP link: what the socket does not take at once is kept, up to the largest message, and a thread
// hands it on; so two ranks can both send before either receives.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "comm/link_make.hpp"
#include "core/result.hpp"

namespace inferstep::comm {

class TcpSender {
   public:
    TcpSender(const LinkEnd& end, int fd, std::size_t capacity) : end_(end), fd_(fd), capacity_(capacity + kHeader) {}
    ~TcpSender();
    TcpSender(const TcpSender&) = delete;
    TcpSender& operator=(const TcpSender&) = delete;

    Status send(const void* data, std::size_t bytes);

   private:
    static constexpr std::size_t kHeader = 8;
    // As much as the socket takes within the spin, which is moved off both parts.
    Status send_now(std::string_view& header, std::string_view& data);
    Status wait_writable();
    void keep(std::string_view header, std::string_view data);  // mutex_ is held
    void hand_on();                                             // the thread
    Status drain(std::unique_lock<std::mutex>& lock);

    LinkEnd end_;
    int fd_;
    std::size_t capacity_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::thread thread_;
    std::string kept_;
    std::size_t outstanding_ = 0;  // bytes that are kept, or that the thread is writing
    std::optional<Error> error_;   // of the thread
    std::atomic<bool> stop_{false};
};

}  // namespace inferstep::comm
