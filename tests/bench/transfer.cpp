// How long it takes to hand a tensor to a database on this node and to fetch it, by every way, in alternation.
//
//     transfer ENDPOINT ROUNDS        a line "name seconds" for each way: the median of one operation
//
// memcpy, set, get (plain Redis, by our library), put, fetch (AI.TENSORSET, AI.TENSORGET by the socket), arena_put (the
// tensor is copied into shared memory), arena_get, arena_commit (it was written there). The tensor is 1x3x224x224
// floats.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <numeric>

#include "db/client/connection.hpp"
#include "db/client/inferclient.hpp"

namespace inferstep {
namespace {

const std::vector<std::int64_t> kShape{1, 3, 224, 224};
constexpr std::size_t kElements = std::size_t{3} * 224 * 224;

void must(const ClientStatus& status) {
    if (!status) {
        std::fprintf(stderr, "transfer: error: %s\n", status.message().c_str());
        std::exit(1);
    }
}

double seconds(const std::function<void()>& work) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

double median(std::vector<double>& times) {
    std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2), times.end());
    return times[times.size() / 2];
}

class Transfer {
   public:
    explicit Transfer(const std::string& endpoint) : values_(kElements), back_(kElements), copy_(kElements) {
        std::iota(values_.begin(), values_.end(), 0.0F);
        must(client::parse_address(endpoint, address_));
        must(plain_.open(address_, std::chrono::seconds(5)));
        must(shared_.connect(endpoint));
        setenv("INFER_ARENA", "no", 1);
        must(socket_.connect(endpoint));
        for (int i = 0; i < 3; ++i) {  // of which the second asks for shared memory
            must(shared_.put_tensor("a", kShape, values_));
        }
    }

    // One of each; the order is the same in every round, so that pairs lie next to each other.
    void round(std::map<std::string, std::vector<double>>& times) {
        times["memcpy"].push_back(seconds([&] { std::memcpy(copy_.data(), values_.data(), bytes()); }));
        times["set"].push_back(seconds([&] { set(); }));
        times["put"].push_back(seconds([&] { must(socket_.put_tensor("s", kShape, values_)); }));
        times["get"].push_back(seconds([&] { get(); }));
        times["fetch"].push_back(seconds([&] { must(socket_.get_tensor("s", back_)); }));
        times["arena_put"].push_back(seconds([&] { must(shared_.put_tensor("a", kShape, values_)); }));
        times["arena_get"].push_back(seconds([&] { must(shared_.get_tensor("a", back_)); }));
        std::span<float> room;
        const double reserved = seconds([&] { must(shared_.reserve_tensor(kShape, room)); });
        std::copy(values_.begin(), values_.end(), room.begin());
        times["arena_commit"].push_back(reserved + seconds([&] { must(shared_.commit_tensor("a", room.data())); }));
        must(shared_.ping());
    }

   private:
    std::size_t bytes() const { return values_.size() * sizeof(float); }

    client::Deadline soon() { return std::chrono::steady_clock::now() + std::chrono::seconds(10); }

    void set() {
        client::Request request;
        const std::vector<std::string> words{"SET", "p"};
        const client::Bytes payload = std::as_bytes(std::span(values_));
        request.add(words, {&payload, 1});
        std::vector<client::Reply> replies;
        must(plain_.exchange(request, soon(), replies));
    }

    void get() {
        client::Request request;
        const std::vector<std::string> words{"GET", "p"};
        request.add(words);
        std::vector<client::Reply> replies;
        must(plain_.exchange(request, soon(), replies));
        std::memcpy(back_.data(), replies[0]->str, bytes());
    }

    client::Address address_;
    client::Connection plain_;
    Client socket_;
    Client shared_;
    std::vector<float> values_, back_, copy_;
};

int run(const std::string& endpoint, int rounds) {
    Transfer transfer(endpoint);
    std::map<std::string, std::vector<double>> times;
    for (int i = 0; i < rounds / 10; ++i) {
        transfer.round(times);
    }
    times.clear();
    for (int i = 0; i < rounds; ++i) {
        transfer.round(times);
    }
    for (auto& [name, samples] : times) {
        std::printf("%s %.9f\n", name.c_str(), median(samples));
    }
    return 0;
}

}  // namespace
}  // namespace inferstep

int main(int argc, char** argv) {
    if (argc != 3) {
        std::fputs("usage: transfer ENDPOINT ROUNDS\n", stderr);
        return 2;
    }
    return inferstep::run(argv[1], std::atoi(argv[2]));
}
