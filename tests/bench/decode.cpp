// Decoding with a stage of this process. Usage: decode MODEL FORMAT THREADS CONTEXT
// Answers "ready" and what it takes of memory: weight bytes, cache bytes, bytes of weights that a token reads, and the
// peak of the whole process. Then reads commands, one a line, and answers each with a line:
//   time N              seconds for N tokens, each out of the one before, after a prompt of 16
//   greedy N ID…        the N likeliest tokens after this prompt
//   read SECONDS        bytes/s at which these weights are read by as many threads
//   peak                the peak of memory so far
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "core/clock.hpp"
#include "llm/stage/sampling.hpp"
#include "llm/stage/stage.hpp"

using namespace inferstep;

namespace {

constexpr int kPrompt = 16;
constexpr int kMostRows = 64;

int give_up(const Error& error) {
    std::fprintf(stderr, "decode: %s\n", error.message.c_str());
    return 1;
}

// VmHWM, in bytes.
long peak() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("VmHWM:")) {
            return std::atol(line.c_str() + 6) * 1024;
        }
    }
    return 0;
}

struct Session {
    llm::Stage& stage;
    int vocab = 0;

    int decode(int position, const std::vector<int>& tokens) const {
        const llm::Batch batch{{0, position, static_cast<int>(tokens.size())}};
        if (Status status = stage.forward(batch, tokens); !status) {
            std::exit(give_up(status.error()));
        }
        const auto logits = stage.logits();
        return llm::sample(*logits, vocab, {}, 0, position).token;
    }

    double time(int count) const {
        std::vector<int> prompt;
        for (int i = 0; i < kPrompt; ++i) {
            prompt.push_back(3 + i);
        }
        int token = decode(0, prompt);
        const std::int64_t start = now_ns();
        for (int i = 0; i < count; ++i) {
            token = decode(kPrompt + i, {token});
        }
        return seconds_since(start);
    }

    std::string greedy(int count, const std::vector<int>& prompt) const {
        std::string ids;
        int token = decode(0, prompt);
        for (int i = 0; i < count; ++i) {
            ids += std::to_string(token) + " ";
            token = decode(static_cast<int>(prompt.size()) + i, {token});
        }
        return ids;
    }
};

std::string answer(const Session& session, const std::string& line) {
    std::istringstream words(line);
    std::string command;
    words >> command;
    if (command == "peak") {
        return std::to_string(peak());
    }
    double number = 0;
    words >> number;
    if (command == "read") {
        return std::to_string(session.stage.read_limit(number));
    }
    if (command == "time") {
        return std::to_string(session.time(static_cast<int>(number)));
    }
    std::vector<int> prompt;
    for (int id = 0; words >> id;) {
        prompt.push_back(id);
    }
    return session.greedy(static_cast<int>(number), prompt);
}

llm::Format format_of(const std::string& name) {
    for (const llm::Format format : {llm::Format::kInt8, llm::Format::kInt4, llm::Format::kInt4Min}) {
        if (name == llm::name_of(format)) {
            return format;
        }
    }
    return llm::Format::kBf16;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 5) {
        std::fputs("usage: decode MODEL FORMAT THREADS CONTEXT\n", stderr);
        return 2;
    }
    const auto files = llm::ModelFiles::open(argv[1]);
    if (!files) {
        return give_up(files.error());
    }
    llm::StageOptions options;
    options.range = {0, files->shape().layers, true, true};
    options.format = format_of(argv[2]);
    options.threads = std::atoi(argv[3]);
    options.context = std::atoi(argv[4]);
    options.max_rows = kMostRows;
    const auto stage = llm::load_stage(*files, options, {});
    if (!stage) {
        return give_up(stage.error());
    }
    std::printf("ready %zu %zu %zu %ld\n", (*stage)->weight_bytes(), (*stage)->cache_bytes(), (*stage)->read_bytes(),
                peak());
    std::fflush(stdout);
    const Session session{**stage, files->shape().vocab};
    for (std::string line; std::getline(std::cin, line);) {
        std::cout << answer(session, line) << std::endl;
    }
    return 0;
}
