// llama.cpp as the benchmarks measure against it. Usage: llamacpp MODEL.gguf THREADS CONTEXT
// Reads commands, one a line, and answers each with a line:
//   time N              seconds for N tokens, each out of the one before, after a prompt of 16
//   greedy N ID…        the N likeliest tokens after this prompt
#include <llama.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

namespace {

constexpr int kPrompt = 16;

struct Session {
    llama_context* context = nullptr;
    int vocab = 0;

    llama_token decode(std::vector<llama_token> tokens) const {
        if (llama_decode(context, llama_batch_get_one(tokens.data(), static_cast<int>(tokens.size()))) != 0) {
            std::fputs("llamacpp: it cannot decode\n", stderr);
            std::exit(1);
        }
        const float* logits = llama_get_logits_ith(context, -1);
        return static_cast<llama_token>(std::max_element(logits, logits + vocab) - logits);
    }

    double time(int count) const {
        llama_memory_clear(llama_get_memory(context), true);
        std::vector<llama_token> prompt;
        for (int i = 0; i < kPrompt; ++i) {
            prompt.push_back(3 + i);
        }
        llama_token token = decode(prompt);
        const auto start = std::chrono::steady_clock::now();
        for (int i = 0; i < count; ++i) {
            token = decode({token});
        }
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    }

    std::string greedy(int count, const std::vector<llama_token>& prompt) const {
        llama_memory_clear(llama_get_memory(context), true);
        std::string ids;
        llama_token token = decode(prompt);
        for (int i = 0; i < count; ++i) {
            ids += std::to_string(token) + " ";
            token = decode({token});
        }
        return ids;
    }
};

void answer(const Session& session, const std::string& line) {
    std::istringstream words(line);
    std::string command;
    int count = 0;
    words >> command >> count;
    if (command == "time") {
        std::cout << session.time(count) << std::endl;
    } else {
        std::vector<llama_token> prompt;
        for (llama_token id = 0; words >> id;) {
            prompt.push_back(id);
        }
        std::cout << session.greedy(count, prompt) << std::endl;
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) {
        std::fputs("usage: llamacpp MODEL.gguf THREADS CONTEXT\n", stderr);
        return 2;
    }
    llama_log_set([](ggml_log_level, const char*, void*) {}, nullptr);
    llama_backend_init();
    llama_model* model = llama_model_load_from_file(argv[1], llama_model_default_params());
    if (model == nullptr) {
        std::fprintf(stderr, "llamacpp: %s cannot be loaded\n", argv[1]);
        return 1;
    }
    llama_context_params params = llama_context_default_params();
    params.n_threads = params.n_threads_batch = std::atoi(argv[2]);
    params.n_ctx = static_cast<unsigned>(std::atoi(argv[3]));
    Session session{llama_init_from_model(model, params), llama_vocab_n_tokens(llama_model_get_vocab(model))};
    if (session.context == nullptr) {
        std::fputs("llamacpp: there is no room for its context\n", stderr);
        return 1;
    }
    std::cout << "ready" << std::endl;
    for (std::string line; std::getline(std::cin, line);) {
        answer(session, line);
    }
    return 0;
}
