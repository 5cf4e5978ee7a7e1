#include "llm/run/work.hpp"

#include <algorithm>
#include <cstring>
#include <type_traits>

namespace inferstep::llm {
namespace {

constexpr std::uint32_t kWorkMagic = 0x4b575349;    // "ISWK"
constexpr std::uint32_t kAnswerMagic = 0x4e415349;  // "ISAN"

struct WireHead {
    std::uint32_t magic;
    std::uint8_t kind;
    std::uint8_t stop;
    std::uint8_t scoring;
    std::uint8_t unused;
    std::uint64_t number;
    std::int64_t clock_ns;
    std::int32_t group;
    std::int32_t count;  // of what follows
};

struct WireSpan {
    std::int32_t slot, position, rows, prompt;
    std::uint8_t all_logits, no_logits, decode, unused;
};

struct WireToken {
    std::int32_t slot, token, finish;
};

static_assert(std::is_trivially_copyable_v<WireHead> && sizeof(WireHead) == 32);
static_assert(std::is_trivially_copyable_v<WireSpan> && sizeof(WireSpan) == 20);

template <typename T>
void put(std::vector<std::byte>& out, std::size_t& at, const T& value) {
    std::memcpy(out.data() + at, &value, sizeof value);
    at += sizeof value;
}

template <typename T>
T take(const std::vector<std::byte>& in, std::size_t& at) {
    T value;
    std::memcpy(&value, in.data() + at, sizeof value);
    at += sizeof value;
    return value;
}

Status check_head(const WireHead& head, std::uint32_t magic, std::uint64_t expected, int most) {
    if (head.magic != magic) {
        return fail("a message begins with {:#010x}, which none of the pipeline's does", head.magic);
    }
    if (head.number != expected) {
        return fail("message {} came where number {} was due", head.number, expected);
    }
    if (head.count < 0 || head.count > most) {
        return fail("message {} has {} parts, and at most {} are possible", head.number, head.count, most);
    }
    return Status::ok();
}

bool within(std::int64_t value, std::int64_t low, std::int64_t high) { return value >= low && value <= high; }

Status check_span(const WireSpan& s, const WorkLimits& limits, int group) {
    const int first_slot = group * limits.batch_size;
    if (!within(s.slot, first_slot, first_slot + limits.batch_size - 1)) {
        return fail("slot {} is none of group {}", s.slot, group);
    }
    if (!within(s.position, 0, limits.context - 1) || !within(s.rows, 1, limits.context - s.position)) {
        return fail("{} rows from position {} on are not within a context of {}", s.rows, s.position, limits.context);
    }
    if (!within(s.prompt, 0, limits.prompts - 1)) {
        return fail("prompt {} is not one of {}", s.prompt, limits.prompts);
    }
    return Status::ok();
}

Status check_sums(const Work& work, const WorkLimits& limits) {
    std::int64_t rows = 0;
    std::int64_t logits = 0;
    for (const WorkSpan& each : work.spans) {
        rows += each.span.rows;
        logits += each.span.no_logits ? 0 : each.span.all_logits ? each.span.rows : 1;
    }
    if (rows > limits.rows || logits > limits.logit_rows) {
        return fail("a batch has {} rows and logits of {}, and at most {} and {} are possible", rows, logits,
                    limits.rows, limits.logit_rows);
    }
    return Status::ok();
}

}  // namespace

Batch Work::batch() const {
    Batch batch;
    batch.reserve(spans.size());
    for (const WorkSpan& each : spans) {
        batch.push_back(each.span);
    }
    return batch;
}

int Work::rows() const {
    int sum = 0;
    for (const WorkSpan& each : spans) {
        sum += each.span.rows;
    }
    return sum;
}

int Work::decode_rows() const {
    int sum = 0;
    for (const WorkSpan& each : spans) {
        sum += each.decode ? each.span.rows : 0;
    }
    return sum;
}

bool Work::wants_logits() const {
    return std::any_of(spans.begin(), spans.end(), [](const WorkSpan& each) { return !each.span.no_logits; });
}

std::string_view name_of(Finish finish) {
    constexpr std::string_view kNames[] = {"", "eos", "length", "context"};
    return kNames[static_cast<int>(finish)];
}

std::size_t work_bytes(const WorkLimits& limits) {
    return sizeof(WireHead) + static_cast<std::size_t>(limits.spans()) * sizeof(WireSpan);
}

void encode(const Work& work, std::vector<std::byte>& out, const WorkLimits& limits) {
    out.assign(work_bytes(limits), std::byte{0});
    const auto flag = [](bool on) { return static_cast<std::uint8_t>(on ? 1 : 0); };
    std::size_t at = 0;
    put(out, at,
        WireHead{kWorkMagic, static_cast<std::uint8_t>(work.kind), flag(work.stop), flag(work.scoring), 0, work.number,
                 work.admitted_ns, work.group, static_cast<std::int32_t>(work.spans.size())});
    for (const WorkSpan& each : work.spans) {
        const Span& s = each.span;
        put(out, at,
            WireSpan{s.slot, s.position, s.rows, each.prompt, flag(s.all_logits), flag(s.no_logits), flag(each.decode),
                     0});
    }
}

Result<Work> decode_work(const std::vector<std::byte>& bytes, const WorkLimits& limits, std::uint64_t expected) {
    std::size_t at = 0;
    const auto head = take<WireHead>(bytes, at);
    if (Status s = check_head(head, kWorkMagic, expected, limits.spans()); !s) {
        return s.error();
    }
    if (head.kind > static_cast<std::uint8_t>(WorkKind::kEnd) || !within(head.group, 0, limits.groups - 1)) {
        return fail("message {} is of kind {} and for group {}, which there are not", head.number, head.kind,
                    head.group);
    }
    Work work;
    work.kind = static_cast<WorkKind>(head.kind);
    work.number = head.number;
    work.group = head.group;
    work.stop = head.stop != 0;
    work.scoring = head.scoring != 0;
    work.admitted_ns = head.clock_ns;
    for (int i = 0; i < head.count; ++i) {
        const auto s = take<WireSpan>(bytes, at);
        if (Status good = check_span(s, limits, head.group); !good) {
            return good.error();
        }
        work.spans.push_back(
            {{s.slot, s.position, s.rows, s.all_logits != 0, s.no_logits != 0}, s.prompt, s.decode != 0});
    }
    if (Status good = check_sums(work, limits); !good) {
        return good.error();
    }
    return work;
}

std::size_t answer_bytes(const WorkLimits& limits) {
    return sizeof(WireHead) + static_cast<std::size_t>(limits.batch_size) * sizeof(WireToken);
}

void encode(const Answer& answer, std::vector<std::byte>& out, const WorkLimits& limits) {
    out.assign(answer_bytes(limits), std::byte{0});
    std::size_t at = 0;
    put(out, at,
        WireHead{kAnswerMagic, 0, static_cast<std::uint8_t>(answer.stop ? 1 : 0), 0, 0, answer.number, answer.clock_ns,
                 0, static_cast<std::int32_t>(answer.tokens.size())});
    for (const AnswerToken& each : answer.tokens) {
        put(out, at, WireToken{each.slot, each.token, static_cast<std::int32_t>(each.finish)});
    }
}

Result<Answer> decode_answer(const std::vector<std::byte>& bytes, const WorkLimits& limits, std::uint64_t expected) {
    std::size_t at = 0;
    const auto head = take<WireHead>(bytes, at);
    if (Status s = check_head(head, kAnswerMagic, expected, limits.batch_size); !s) {
        return s.error();
    }
    Answer answer;
    answer.number = head.number;
    answer.stop = head.stop != 0;
    answer.clock_ns = head.clock_ns;
    for (int i = 0; i < head.count; ++i) {
        const auto t = take<WireToken>(bytes, at);
        if (!within(t.slot, 0, limits.slots() - 1) || t.token < 0 ||
            !within(t.finish, 0, static_cast<int>(Finish::kContext))) {
            return fail("answer {} has token {} for slot {}, with finish {}", head.number, t.token, t.slot, t.finish);
        }
        answer.tokens.push_back({t.slot, t.token, static_cast<Finish>(t.finish)});
    }
    return answer;
}

}  // namespace inferstep::llm
