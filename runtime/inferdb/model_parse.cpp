#include "inferdb/model_parse.hpp"

#include <algorithm>
#include <cctype>
#include <cstring>

#include "inferdb/settings.hpp"
#include "inferdb/tensor.hpp"

namespace inferstep {
namespace {

constexpr std::int64_t kMaxBatch = 1'000'000;
constexpr std::int64_t kMaxTimeoutMs = 86'400'000;  // a day
constexpr std::int64_t kMaxNames = 4096;

}  // namespace

Result<std::string> parse_device(std::string_view text) {
    std::string device(text);
    std::transform(device.begin(), device.end(), device.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    const std::string_view number = device.size() > 4 && device[3] == ':' ? std::string_view(device).substr(4) : "";
    const bool plain = device == "CPU" || device == "GPU";
    const bool indexed = (device.starts_with("CPU:") || device.starts_with("GPU:")) && number.size() <= 3 &&
                         parse_number<unsigned>(number).has_value();
    if (!plain && !indexed) {
        return fail("device {} is unknown; CPU, GPU or GPU:n is right", text);
    }
    if (device[0] == 'C') {
        return std::string("CPU");
    }
    if (settings().device == DeviceChoice::cpu) {
        return fail("device {} was asked for, but this database runs models on CPUs only (DEVICE cpu)", device);
    }
    return device;
}

namespace {

bool is_word(std::string_view text) {
    constexpr std::string_view kWords[] = {
        "TAG", "BATCHSIZE", "MINBATCHSIZE", "MINBATCHTIMEOUT", "THREADS", "PRECISION", "INPUTS", "OUTPUTS", "BLOB"};
    return std::any_of(std::begin(kWords), std::end(kWords), [&](auto word) { return same_word(text, word); });
}

Status parse_names(Args& args, ModelForm form, const char* word, std::vector<std::string>& names) {
    std::int64_t count = kMaxNames;
    if (form == ModelForm::counted) {
        const auto given = args.number(1, std::min<std::int64_t>(args.left() - 1, kMaxNames));
        if (!given) {
            return fail("{} is followed by how many names there are, and by the names", word);
        }
        count = *given;
    }
    while (count-- > 0 && args.more() && (form == ModelForm::counted || !is_word(args.peek()))) {
        names.emplace_back(args.text());
    }
    return Status::ok();
}

// The rest of the command, one model in as many pieces as the client liked: kept where it was received when it is one
// piece, joined once when it is several.
Status parse_blob(Args& args, ParsedModel& parsed) {
    if (args.left() == 1) {
        redis::String* only = args.string();
        parsed.blob = text_of(only);
        parsed.owner = hold(only);
    } else {
        std::size_t total = 0;
        for (Args sizes = args; sizes.more();) {
            total += sizes.text().size();
        }
        const auto memory = total <= settings().max_model ? allocate(total) : nullptr;
        if (!memory) {
            return fail("no memory for a model of {} bytes", total);
        }
        char* to = static_cast<char*>(memory.get());
        while (args.more()) {
            const std::string_view piece = args.text();
            std::memcpy(to, piece.data(), piece.size());
            to += piece.size();
        }
        parsed.blob = {static_cast<const char*>(memory.get()), total};
        parsed.owner = memory;
    }
    if (parsed.blob.empty() || parsed.blob.size() > settings().max_model) {
        return fail("a model has 1 to {} bytes, not {}", settings().max_model, parsed.blob.size());
    }
    if (is_package(parsed.blob)) {
        return fail(
            "this is an AOTInductor package, native code: it is loaded only from a file that the owner of the "
            "database names (--infer-model=NAME:FILE.pt2), never from a client");
    }
    return Status::ok();
}

// hex FILE path, what follows SHA256 at the end of AI._MODELFILE.
Status parse_file(Args& args, ModelDefinition& d) {
    const auto hex = [](unsigned char c) { return std::isdigit(c) != 0 || (c >= 'a' && c <= 'f'); };
    if (args.left() != 3) {
        return fail("AI._MODELFILE ends with SHA256 and a package's, FILE and its path");
    }
    d.sha256 = args.text();
    if (d.sha256.size() != 64 || !std::all_of(d.sha256.begin(), d.sha256.end(), hex)) {
        return fail("SHA256 is 64 lower-case hexadecimal digits");
    }
    if (!args.take("FILE") || !args.peek().starts_with('/')) {
        return fail("FILE is an absolute path");
    }
    if (d.precision != Precision::float32) {
        return fail("the precision of a package is that which it was compiled for");
    }
    d.file = args.text();
    return Status::ok();
}

Status parse_precision(Args& args, Precision& precision) {
    for (std::size_t i = 0; i < std::size(kPrecisions); ++i) {
        if (args.take(kPrecisions[i])) {
            precision = static_cast<Precision>(i);
            return Status::ok();
        }
    }
    return fail("PRECISION is float32, bfloat16 or float16");
}

Status parse_option(Args& args, ModelForm form, ParsedModel& parsed) {
    ModelDefinition& d = parsed.definition;
    struct Number {
        const char* word;
        std::int64_t low;
        std::int64_t high;
        std::int64_t& value;
    };
    const Number numbers[] = {{"BATCHSIZE", 0, kMaxBatch, d.policy.batch_size},
                              {"MINBATCHSIZE", 0, kMaxBatch, d.policy.min_batch_size},
                              {"MINBATCHTIMEOUT", 0, kMaxTimeoutMs, d.policy.min_batch_timeout_ms},
                              {"THREADS", 1, kMaxModelThreads, d.threads}};
    for (const Number& n : numbers) {
        if (args.take(n.word)) {
            const auto value = args.number(n.low, n.high);
            if (!value) {
                return fail("{} is a number from {} to {}", n.word, n.low, n.high);
            }
            n.value = *value;
            return Status::ok();
        }
    }
    if (args.take("TAG")) {
        if (!args.more()) {
            return fail("TAG lacks its text");
        }
        d.tag = args.text();
        return Status::ok();
    }
    if (args.take("PRECISION")) {
        return parse_precision(args, d.precision);
    }
    if (args.take("INPUTS")) {
        return parse_names(args, form, "INPUTS", d.inputs);
    }
    if (args.take("OUTPUTS")) {
        return parse_names(args, form, "OUTPUTS", d.outputs);
    }
    return fail("{} is no word of this command", args.peek().substr(0, 64));
}

Status check_backend(std::string_view backend, ModelForm form) {
    if (form == ModelForm::file) {
        return same_word(backend, "AOTI") ? Status::ok() : Status(fail("AI._MODELFILE loads AOTI packages"));
    }
    return same_word(backend, "TORCH")
               ? Status::ok()
               : Status(
                     fail("backend {} is not supported: this database runs TORCH models (TorchScript), and AOTInductor "
                          "packages that its owner names",
                          backend.substr(0, 64)));
}

}  // namespace

Result<ParsedModel> parse_model(Args args, ModelForm form) {
    ParsedModel parsed;
    const std::string_view backend = args.text();
    if (const Status status = check_backend(backend, form); !status) {
        return status.error();
    }
    auto device = parse_device(args.text());
    if (!device) {
        return device.error();
    }
    parsed.definition.device = std::move(*device);
    const char* last = form == ModelForm::file ? "SHA256" : "BLOB";
    while (!args.take(last)) {
        if (!args.more()) {
            return fail("{} is missing: the model itself ends the command", last);
        }
        if (const Status status = parse_option(args, form, parsed); !status) {
            return status.error();
        }
    }
    if (const Status status = form == ModelForm::file ? parse_file(args, parsed.definition) : parse_blob(args, parsed);
        !status) {
        return status.error();
    }
    const BatchPolicy& policy = parsed.definition.policy;
    if (policy.min_batch_size > policy.batch_size) {
        return fail("MINBATCHSIZE {} is larger than BATCHSIZE {}", policy.min_batch_size, policy.batch_size);
    }
    if (policy.min_batch_timeout_ms != 0 && policy.min_batch_size == 0) {
        return fail("MINBATCHTIMEOUT needs a MINBATCHSIZE");
    }
    return parsed;
}

}  // namespace inferstep
