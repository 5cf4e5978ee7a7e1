// inferstep model: write a network of the zoo as a TorchScript file.
#include <memory>

#include "cli/commands.hpp"
#include "core/file.hpp"
#include "core/log.hpp"
#include "core/words.hpp"
#include "inferdb/backend.hpp"
#include "vision/resnet_spec.hpp"

namespace inferstep::cli {
namespace {

struct Arguments {
    std::string architecture, output;
    std::string seed = "0";
    std::string classes = "1000";
};

struct Wish {
    std::uint64_t seed = 0;
    int classes = 1000;
};

Result<Wish> parse(const Arguments& a) {
    std::vector<std::string_view> known;
    for (const ResNetSpec& spec : kResNets) {
        known.push_back(spec.name);
    }
    if (const auto architecture = parse_choice("the architecture", a.architecture, known); !architecture) {
        return architecture.error();
    }
    const Result<long> seed = parse_number("--seed", a.seed, 0, INT64_MAX);
    if (!seed) {
        return seed.error();
    }
    const Result<long> classes = parse_number("--classes", a.classes, 1, 1'000'000);
    if (!classes) {
        return classes.error();
    }
    return Wish{static_cast<std::uint64_t>(*seed), static_cast<int>(*classes)};
}

Status write(const Arguments& a, const Wish& wish) {
    const Result<Backend*> backend = open_torch_backend(library_directory());
    if (!backend) {
        return backend.error();
    }
    return (*backend)->write_model(a.architecture, wish.seed, wish.classes, a.output);
}

int model(const Arguments& a) {
    const Result<Wish> wish = parse(a);
    if (!wish) {
        print_error(wish.error());
        return 2;
    }
    if (const Status s = write(a, *wish); !s) {
        print_error(s.error());
        return 1;
    }
    return 0;
}

}  // namespace

void add_model(CLI::App& app, Outcome& outcome) {
    CLI::App* sub = app.add_subcommand("model", "write a ResNet as a TorchScript file");
    auto a = std::make_shared<Arguments>();
    sub->add_option("architecture", a->architecture, "resnet18, resnet34, resnet50, resnet101 or resnet152")
        ->required();
    sub->add_option("-o,--output", a->output, "the file to write")->required()->type_name("FILE");
    sub->add_option("--seed", a->seed, "the random weights depend on it alone (default 0)")->type_name("N");
    sub->add_option("--classes", a->classes, "scores per image (default 1000)")->type_name("N");
    sub->callback([a, &outcome] { outcome.exit_code = model(*a); });
}

}  // namespace inferstep::cli
