#include "llm/run/engine.hpp"

#include "core/clock.hpp"

namespace inferstep::llm {

Engine::Engine(Stage& stage, const Edges& edges, const WorkLimits& limits, int hidden, Tail* tail, Meters& meters,
               const std::atomic<bool>& stop)
    : stage_(stage),
      edges_(edges),
      limits_(limits),
      row_bytes_(static_cast<std::size_t>(hidden) * sizeof(float)),
      tail_(tail),
      meters_(meters),
      stop_(stop) {}

Status Engine::send_work(const Work& work) {
    encode(work, message_, limits_);
    const std::int64_t began = now_ns();
    Status s = edges_.work_out->send(message_.data(), message_.size());
    active_->sent(message_.size(), seconds_since(began));
    return s;
}

Status Engine::send_rows(int rows) {
    const std::size_t bytes = static_cast<std::size_t>(rows) * row_bytes_;
    const std::int64_t began = now_ns();
    const void* data = stage_.output();
    if (stage_.on_device() && !edges_.rows_out->on_device()) {
        rows_.resize(bytes);
        if (Status s = stage_.copy_out(rows_.data(), bytes); !s) {
            return s;
        }
        data = rows_.data();
    }
    Status s = edges_.rows_out->send(data, bytes, stage_.stream());
    active_->sent(bytes, seconds_since(began));
    return s;
}

Status Engine::receive_rows(int rows) {
    const std::size_t bytes = static_cast<std::size_t>(rows) * row_bytes_;
    const std::int64_t began = now_ns();
    Status s = Status::ok();
    if (stage_.on_device() && !edges_.rows_in->on_device()) {
        rows_.resize(bytes);
        s = edges_.rows_in->receive(rows_.data(), bytes);
        s = s ? stage_.copy_in(rows_.data(), bytes) : s;
    } else {
        s = edges_.rows_in->receive(stage_.input(), bytes, stage_.stream());
    }
    active_->received(seconds_since(began));
    return s;
}

Result<Work> Engine::receive_work() {
    message_.resize(work_bytes(limits_));
    const std::int64_t began = now_ns();
    if (Status s = edges_.work_in->receive(message_.data(), message_.size()); !s) {
        return s.error();
    }
    active_->waited(seconds_since(began));
    return decode_work(message_, limits_, number_++);
}

Result<Answer> Engine::receive_answer() {
    if (edges_.answers_in == nullptr) {
        Answer answer = std::move(own_answers_.front());
        own_answers_.pop_front();
        return answer;
    }
    message_.resize(answer_bytes(limits_));
    const std::int64_t began = now_ns();
    if (Status s = edges_.answers_in->receive(message_.data(), message_.size()); !s) {
        return s.error();
    }
    active_->waited(seconds_since(began));
    return decode_answer(message_, limits_, answered_++);
}

Status Engine::compute(const Work& work) {
    const std::int64_t began = now_ns();
    Status s = stage_.forward(work.batch(), work.tokens);
    active_->computed(work, seconds_since(began));
    return s;
}

Result<Answer> Engine::make_answer(const Work& work) {
    const float* logits = nullptr;
    if (work.wants_logits()) {
        const Result<const float*> found = stage_.logits();
        if (!found) {
            return found.error();
        }
        logits = *found;
    }
    return tail_->answer(work, logits);
}

// To the next stage, or as an answer to the first.
Status Engine::pass_on(Work& work) {
    work.stop = work.stop || stop_;
    if (edges_.work_out != nullptr) {
        Status s = send_work(work);
        return s && work.kind == WorkKind::kBatch ? send_rows(work.rows()) : s;
    }
    if (work.kind != WorkKind::kPing && work.kind != WorkKind::kBatch) {
        return Status::ok();
    }
    Result<Answer> answer = make_answer(work);
    if (!answer) {
        return answer.error();
    }
    if (edges_.answers_out == nullptr) {
        own_answers_.push_back(std::move(*answer));
        return Status::ok();
    }
    answer->number = answered_++;
    encode(*answer, message_, limits_);
    const std::int64_t began = now_ns();
    Status s = edges_.answers_out->send(message_.data(), message_.size());
    active_->sent(message_.size(), seconds_since(began));
    return s;
}

void Engine::begin_run() {
    active_ = &meters_;
    began_ns_ = now_ns();
}

void Engine::end_run() {
    if (active_ == &meters_) {
        meters_.run_s = seconds_since(began_ns_);
        active_ = &unmeasured_;
    }
}

Status Engine::serve(Work& work) {
    if (work.kind == WorkKind::kBatch) {
        Status s = receive_rows(work.rows());
        s = s ? compute(work) : s;
        if (!s) {
            return s;
        }
    }
    if (Status s = pass_on(work); !s) {
        return s;
    }
    stopped_ = stopped_ || work.stop;
    if (work.kind == WorkKind::kBegin) {
        begin_run();
    } else if (work.kind == WorkKind::kPause) {
        end_run();
    }
    return Status::ok();
}

Status Engine::follow() {
    while (true) {
        Result<Work> work = receive_work();
        Status s = work ? serve(*work) : Status(work.error());
        if (!s || work->kind == WorkKind::kEnd) {
            end_run();
            return s;
        }
    }
}

}  // namespace inferstep::llm
