#include "llm/run/scheduler.hpp"

#include <algorithm>

namespace inferstep::llm {

Scheduler::Scheduler(const SchedulerOptions& options, std::vector<Task> tasks)
    : options_(options),
      tasks_(std::move(tasks)),
      slots_(static_cast<std::size_t>(options.groups) * static_cast<std::size_t>(options.batch_size)),
      groups_(static_cast<std::size_t>(options.groups)) {
    // Every group has its first prompt before one has its second: few prompts keep all stages busy, too.
    for (int place = 0; place < options_.batch_size; ++place) {
        for (int group = 0; group < options_.groups; ++group) {
            admit(group * options_.batch_size + place);
        }
    }
    for (int group = 0; group < options_.groups; ++group) {
        queue(group);
    }
}

void Scheduler::admit(int slot) {
    while (next_task_ < tasks_.size() && tasks_[next_task_].tokens.empty()) {
        ++next_task_;
    }
    if (next_task_ < tasks_.size() && !stopped_) {
        slots_[static_cast<std::size_t>(slot)] = {static_cast<int>(next_task_++), 0, false};
        ++active_;
    }
}

int Scheduler::rows_left(const Slot& slot) const {
    return slot.prompt < 0 ? 0
                           : static_cast<int>(tasks_[static_cast<std::size_t>(slot.prompt)].tokens.size()) - slot.done;
}

bool Scheduler::has_rows(int group) const {
    const auto first = slots_.begin() + static_cast<std::ptrdiff_t>(group) * options_.batch_size;
    return std::any_of(first, first + options_.batch_size, [this](const Slot& slot) { return rows_left(slot) > 0; });
}

void Scheduler::queue(int group) {
    Group& g = groups_[static_cast<std::size_t>(group)];
    if (!g.waits && !g.queued && has_rows(group)) {
        g.queued = true;
        ready_.push_back(group);
    }
}

std::optional<Work> Scheduler::next() {
    if (ready_.empty() || stopped_ || in_flight() >= options_.groups) {
        return std::nullopt;
    }
    const int group = ready_.front();
    ready_.pop_front();
    Work work;
    work.group = group;
    Flight flight;
    flight.group = group;
    int chunk = options_.prefill_chunk;
    int logits = options_.logit_rows;
    for (int place = 0; place < options_.batch_size; ++place) {
        compose(group * options_.batch_size + place, chunk, logits, work, flight);
    }
    flight.logits = work.wants_logits();
    Group& g = groups_[static_cast<std::size_t>(group)];
    g.queued = false;
    g.waits = flight.logits;
    in_flight_.push_back(std::move(flight));
    queue(group);
    return work;
}

void Scheduler::append(Work& work, int id, int rows, bool all_logits, bool no_logits, bool decode) {
    Slot& s = slots_[static_cast<std::size_t>(id)];
    const std::vector<int>& tokens = tasks_[static_cast<std::size_t>(s.prompt)].tokens;
    work.spans.push_back({{id, s.done, rows, all_logits, no_logits}, s.prompt, decode});
    work.tokens.insert(work.tokens.end(), tokens.begin() + s.done, tokens.begin() + s.done + rows);
    s.done += rows;
}

void Scheduler::compose(int id, int& chunk, int& logits, Work& work, Flight& flight) {
    Slot& slot = slots_[static_cast<std::size_t>(id)];
    const int left = rows_left(slot);
    if (left == 0) {
        return;
    }
    if (tasks_[static_cast<std::size_t>(slot.prompt)].scored_from >= 0) {
        score(slot, id, chunk, logits, work, flight);
        return;
    }
    const bool decode = slot.generated && options_.kv_cache;
    const int rows = decode ? left : std::min(left, chunk);
    if (rows == 0) {
        return;
    }
    chunk -= decode ? 0 : rows;
    append(work, id, rows, false, rows < left, slot.generated);
    if (rows == left) {
        --logits;
        flight.slots.push_back(id);
    }
}

void Scheduler::score(Slot& slot, int id, int& chunk, int& logits, Work& work, Flight& flight) {
    const int from = tasks_[static_cast<std::size_t>(slot.prompt)].scored_from;
    const int silent = std::min(std::max(from - slot.done, 0), chunk);
    if (silent > 0) {
        chunk -= silent;
        append(work, id, silent, false, true, false);
    }
    const int rows = slot.done < from ? 0 : std::min({rows_left(slot), chunk, logits});
    if (rows > 0) {
        chunk -= rows;
        logits -= rows;
        append(work, id, rows, true, false, false);
    }
    if (rows > 0 && rows_left(slot) == 0) {
        flight.ends.push_back(id);
    }
}

void Scheduler::release(int slot) {
    slots_[static_cast<std::size_t>(slot)] = {};
    --active_;
    ++finished_;
    admit(slot);
}

void Scheduler::take(const AnswerToken& token) {
    Slot& slot = slots_[static_cast<std::size_t>(token.slot)];
    if (token.finish != Finish::kNot) {
        release(token.slot);
        return;
    }
    tasks_[static_cast<std::size_t>(slot.prompt)].tokens.push_back(token.token);
    slot.generated = true;
    slot.done = options_.kv_cache ? slot.done : 0;
}

Status Scheduler::accept(const Answer& answer) {
    if (in_flight_.empty()) {
        return fail("answer {} came where none was due", answer.number);
    }
    const Flight flight = std::move(in_flight_.front());
    in_flight_.pop_front();
    const auto same = [](const AnswerToken& token, int slot) { return token.slot == slot; };
    if (!std::equal(answer.tokens.begin(), answer.tokens.end(), flight.slots.begin(), flight.slots.end(), same)) {
        return fail("answer {} is not for the slots of its work", answer.number);
    }
    for (const AnswerToken& token : answer.tokens) {
        take(token);
    }
    for (const int slot : flight.ends) {
        release(slot);
    }
    if (flight.logits) {
        groups_[static_cast<std::size_t>(flight.group)].waits = false;
    }
    queue(flight.group);
    return Status::ok();
}

}  // namespace inferstep::llm
