// A model that is none, with everything that a pipeline could get wrong: what a row becomes depends on its token, on
// its position, on all positions before it in its slot, and on the layer. And links between threads.
#pragma once

#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <random>
#include <vector>

#include "comm/link.hpp"
#include "llm/run/scheduler.hpp"
#include "llm/stage/stage.hpp"

namespace inferstep::test {

inline constexpr int kToyHidden = 3;
inline constexpr int kToyVocab = 50;

class ToyStage : public llm::Stage {
   public:
    ToyStage(llm::LayerRange range, int slots, int context)
        : range_(range),
          context_(context),
          cache_(static_cast<std::size_t>(slots) * static_cast<std::size_t>(context)) {}

    Status forward(const llm::Batch& batch, std::span<const int> tokens) override {
        const auto rows = static_cast<std::size_t>(llm::rows_of(batch));
        if (range_.embedding != (tokens.size() == rows)) {
            return fail("{} tokens for {} rows", tokens.size(), rows);
        }
        rows_.resize(rows * kToyHidden);
        logits_.clear();
        std::size_t row = 0;
        for (const llm::Span& span : batch) {
            for (int i = 0; i < span.rows; ++i, ++row) {
                compute(span, i, range_.embedding ? tokens[row] : -1, &rows_[row * kToyHidden]);
            }
        }
        ++forwards;
        return Status::ok();
    }
    void* input() override {
        rows_.resize(kMostRows * kToyHidden);
        return rows_.data();
    }
    const void* output() override { return rows_.data(); }
    Result<const float*> logits() override { return logits_.data(); }
    std::size_t weight_bytes() const override { return 1000; }
    std::size_t cache_bytes() const override { return 100; }
    std::size_t read_bytes() const override { return 900; }
    std::string device_name() const override { return "toy"; }

    int forwards = 0;

   private:
    static constexpr std::size_t kMostRows = 4096;

    float& cached(int slot, int position) {
        return cache_[static_cast<std::size_t>(slot) * static_cast<std::size_t>(context_) +
                      static_cast<std::size_t>(position)];
    }
    static float mixed(float a, float b) {
        return static_cast<float>((static_cast<long>(a) * 31 + static_cast<long>(b) * 17 + 7) % 10007);
    }
    void compute(const llm::Span& span, int i, int token, float* row) {
        const int position = span.position + i;
        if (range_.embedding) {
            for (int h = 0; h < kToyHidden; ++h) {
                row[h] = mixed(static_cast<float>(token), static_cast<float>(h));
            }
        }
        // The cache is the stage's, not a layer's: so its place must not depend on where the model is cut.
        for (int layer = range_.first; layer < range_.last; ++layer) {
            for (int h = 0; h < kToyHidden; ++h) {
                row[h] = mixed(row[h], static_cast<float>(layer + h));
            }
        }
        if (range_.head) {
            float sum = mixed(row[0], row[1]);
            cached(span.slot, position) = sum;
            for (int before = 0; before < position; ++before) {
                sum = mixed(sum, cached(span.slot, before));
            }
            if (span.all_logits || (i + 1 == span.rows && !span.no_logits)) {
                for (int v = 0; v < kToyVocab; ++v) {
                    logits_.push_back(static_cast<float>(static_cast<long>(mixed(sum, static_cast<float>(v))) % 97) /
                                      10);
                }
            }
        }
    }

    llm::LayerRange range_;
    int context_;
    std::vector<float> cache_;
    std::vector<float> rows_;
    std::vector<float> logits_;
};

class ThreadLink : public comm::Link {
   public:
    std::string_view transport() const override { return "threads"; }
    Status send(const void* data, std::size_t bytes, void* /*stream*/) override {
        const std::lock_guard lock(mutex_);
        if (broken_) {
            return fail("rank 1 on node n1 died");
        }
        const auto* begin = static_cast<const std::byte*>(data);
        queue_.emplace_back(begin, begin + bytes);
        ready_.notify_one();
        return Status::ok();
    }
    Status receive(void* data, std::size_t bytes, void* /*stream*/) override {
        std::unique_lock lock(mutex_);
        ready_.wait(lock, [this] { return broken_ || !queue_.empty(); });
        if (queue_.empty()) {
            return fail("rank 1 on node n1 died");
        }
        const std::vector<std::byte> message = std::move(queue_.front());
        queue_.pop_front();
        if (message.size() != bytes) {
            return fail("a message of {} bytes where {} were expected", message.size(), bytes);
        }
        std::memcpy(data, message.data(), bytes);
        return Status::ok();
    }
    const comm::LinkCounters& counters() const override { return counters_; }
    void break_off() {
        const std::lock_guard lock(mutex_);
        broken_ = true;
        ready_.notify_all();
    }

   private:
    std::mutex mutex_;
    std::condition_variable ready_;
    std::deque<std::vector<std::byte>> queue_;
    bool broken_ = false;
    comm::LinkCounters counters_;
};

// Eleven prompts of 1 to 17 tokens, the same each time.
inline std::vector<llm::Task> toy_prompts() {
    std::mt19937 random(7);
    std::vector<llm::Task> tasks(11);
    for (std::size_t i = 0; i < tasks.size(); ++i) {
        tasks[i].tokens.resize(1 + random() % 17);
        for (int& token : tasks[i].tokens) {
            token = static_cast<int>(random() % kToyVocab);
        }
    }
    return tasks;
}

}  // namespace inferstep::test
