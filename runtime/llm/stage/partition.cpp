#include "llm/stage/partition.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "core/text.hpp"

namespace inferstep::llm {

namespace {

// Costs that differ by less are equal: the embedding's one row is no reason to move a layer.
constexpr double kSame = 1e-4;
constexpr double kNever = std::numeric_limits<double>::infinity();

double bytes_per_weight(Format format) {
    switch (format) {
        case Format::kInt8:
            return 34.0 / 32;
        case Format::kInt4:
            return 18.0 / 32;
        case Format::kInt4Min:
            return 20.0 / 32;
        default:
            return 2;
    }
}

// The best divisions of the layers from `first` to the end over the stages from `stage` on, for all of both.
class Division {
   public:
    Division(const Shape& shape, int stages)
        : layers_(shape.layers),
          stages_(stages),
          costs_(costs_of(shape)),
          best_(static_cast<std::size_t>(stages + 1) * static_cast<std::size_t>(layers_ + 1), kNever) {}

    std::vector<LayerRange> find() {
        const double limit = fill([](double mine, double rest) { return std::max(mine, rest); }, kNever);
        const auto sum = [](double mine, double rest) { return mine * mine + rest; };
        fill(sum, limit * (1 + kSame));
        std::vector<LayerRange> ranges;
        for (int stage = 0, first = 0; stage < stages_; ++stage) {
            int last = layers_;
            while (cost(stage, first, last) > limit * (1 + kSame) ||
                   sum(cost(stage, first, last), at(stage + 1, last)) > at(stage, first) * (1 + kSame)) {
                --last;
            }
            ranges.push_back({first, last, stage == 0, stage == stages_ - 1});
            first = last;
        }
        return ranges;
    }

   private:
    double& at(int stage, int first) {
        return best_[static_cast<std::size_t>(stage) * static_cast<std::size_t>(layers_ + 1) +
                     static_cast<std::size_t>(first)];
    }

    double cost(int stage, int first, int last) const {
        return last - first + (stage == 0 ? costs_.embedding : 0) + (stage == stages_ - 1 ? costs_.head : 0);
    }

    // From the last stage to the first; stages that cost more than `limit` are none.
    template <typename Join>
    double fill(Join join, double limit) {
        std::fill(best_.begin(), best_.end(), kNever);
        at(stages_, layers_) = 0;
        for (int stage = stages_ - 1; stage >= 0; --stage) {
            for (int first = 0; first < layers_; ++first) {
                double best = kNever;
                for (int last = first + 1; last <= layers_ && cost(stage, first, last) <= limit; ++last) {
                    best = std::min(best, join(cost(stage, first, last), at(stage + 1, last)));
                }
                at(stage, first) = best;
            }
        }
        return at(0, 0);
    }

    int layers_;
    int stages_;
    StageCosts costs_;
    std::vector<double> best_;
};

std::string layers_of(const LayerRange& range) {
    return range.last - range.first == 1 ? fmt::format("layer {}", range.first)
                                         : fmt::format("layers {}-{}", range.first, range.last - 1);
}

}  // namespace

StageCosts costs_of(const Shape& shape) {
    const auto layer = static_cast<double>(std::max<std::int64_t>(shape.layer_parameters(), 1));
    return {shape.hidden / layer, static_cast<double>(shape.head_parameters()) / layer};
}

Result<std::vector<LayerRange>> divide(const Shape& shape, int stages) {
    if (stages < 1) {
        return fail("a model cannot be divided into {} stages", stages);
    }
    if (stages > shape.layers) {
        return fail("the model has {}, which is fewer than the {} stages asked for", counted(shape.layers, "layer"),
                    stages);
    }
    return Division(shape, stages).find();
}

Result<std::vector<LayerRange>> divide_as(const Shape& shape, const std::vector<int>& layers) {
    std::vector<LayerRange> ranges;
    std::int64_t first = 0;
    for (const int count : layers) {
        if (count < 1) {
            return fail("stage {} of the split has {} layers; each needs at least one", ranges.size(), count);
        }
        const std::int64_t last = first + count;
        if (last > shape.layers) {
            break;
        }
        ranges.push_back({static_cast<int>(first), static_cast<int>(last), first == 0, last == shape.layers});
        first = last;
    }
    if (first != shape.layers || ranges.size() != layers.size()) {
        std::int64_t sum = 0;
        for (const int count : layers) {
            sum += count;
        }
        return fail("the split {} has {} layers, and the model has {}", fmt::join(layers, ","), sum, shape.layers);
    }
    return ranges;
}

Format tied_format(Format format) {
    return format == Format::kInt4 || format == Format::kInt4Min ? Format::kInt8 : format;
}

std::int64_t weight_bytes(const Shape& shape, const LayerRange& range, Format format) {
    const double ends = static_cast<double>(shape.head_parameters());
    const double layers = static_cast<double>(range.last - range.first) *
                          static_cast<double>(shape.layer_parameters()) * bytes_per_weight(format);
    const double shared = ends * bytes_per_weight(tied_format(format));
    const double embedding = range.embedding ? (shape.tied_head ? shared : ends * 2) : 0;
    const double head = range.head && !(shape.tied_head && range.embedding)
                            ? (shape.tied_head ? shared : ends * bytes_per_weight(format))
                            : 0;
    return static_cast<std::int64_t>(layers + embedding + head);
}

std::string describe(const Shape& shape, const std::vector<LayerRange>& ranges, Format format) {
    const StageCosts costs = costs_of(shape);
    std::string text;
    for (std::size_t i = 0; i < ranges.size(); ++i) {
        const LayerRange& range = ranges[i];
        const double cost =
            range.last - range.first + (range.embedding ? costs.embedding : 0) + (range.head ? costs.head : 0);
        text += fmt::format("stage {}: {}{}{} ({:.2f} GB), cost {:.2f}\n", i, range.embedding ? "embedding, " : "",
                            layers_of(range), range.head ? ", norm and head" : "",
                            static_cast<double>(weight_bytes(shape, range, format)) / 1e9, cost);
    }
    return text;
}

}  // namespace inferstep::llm
