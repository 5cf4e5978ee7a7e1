#include "sweep/matrix.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "core/text.hpp"
#include "sweep/make_point.hpp"

namespace inferstep::sweep {
namespace {

const std::string* find(const Parameters& parameters, const std::string& name) {
    const auto at = std::find_if(parameters.begin(), parameters.end(), [&](const auto& p) { return p.first == name; });
    return at == parameters.end() ? nullptr : &at->second;
}

// An odometer over the values of the parameters of the matrix that `fixed` does not give; its last one turns fastest.
class Product {
   public:
    Product(const Battery& battery, const Parameters& fixed) : matrix_(battery.matrix), fixed_(fixed) {
        digits_.resize(matrix_.size());
    }
    // The parameters at this position, those of `fixed` that the matrix does not know last.
    Parameters here() const {
        Parameters parameters;
        for (std::size_t i = 0; i < matrix_.size(); ++i) {
            const std::string* given = find(fixed_, matrix_[i].first);
            parameters.emplace_back(matrix_[i].first, given != nullptr ? *given : matrix_[i].second[digits_[i]]);
        }
        for (const auto& parameter : fixed_) {
            if (find(parameters, parameter.first) == nullptr) {
                parameters.push_back(parameter);
            }
        }
        return parameters;
    }
    bool next() {
        for (std::size_t i = matrix_.size(); i-- > 0;) {
            if (find(fixed_, matrix_[i].first) == nullptr && ++digits_[i] < matrix_[i].second.size()) {
                return true;
            }
            digits_[i] = 0;
        }
        return false;
    }
    // Whether all values of `some` are those at this position.
    bool matches(const Parameters& some) const {
        return std::all_of(some.begin(), some.end(), [&](const auto& wanted) {
            for (std::size_t i = 0; i < matrix_.size(); ++i) {
                if (matrix_[i].first == wanted.first) {
                    return matrix_[i].second[digits_[i]] == wanted.second;
                }
            }
            return false;
        });
    }
    // How many positions there are; more than kMostPoints counts as one more than that.
    std::uint64_t size() const {
        std::uint64_t size = 1;
        for (const auto& [name, values] : matrix_) {
            const std::uint64_t choices = find(fixed_, name) == nullptr ? values.size() : 1;
            size = std::min(size * choices, kMostPoints + 1);
        }
        return size;
    }

   private:
    const std::vector<std::pair<std::string, std::vector<std::string>>>& matrix_;
    const Parameters& fixed_;
    std::vector<std::size_t> digits_;
};

bool is_excluded(const Battery& battery, const Product& product) {
    return std::any_of(battery.exclude.begin(), battery.exclude.end(),
                       [&](const Parameters& entry) { return product.matches(entry); });
}

// A matrix that is absent has no combination of its own where entries are included.
bool has_product(const Battery& battery) { return !battery.matrix.empty() || battery.include.empty(); }

std::string reasons(const Battery& battery) {
    std::vector<std::string> factors, parts;
    for (const auto& [name, values] : battery.matrix) {
        if (values.size() > 1) {
            factors.push_back(fmt::format("{} {}", name, values.size()));
        }
    }
    if (!factors.empty()) {
        parts.push_back(fmt::format("{}", fmt::join(factors, " x ")));
    }
    if (!battery.exclude.empty()) {
        parts.push_back(fmt::format("{} excluded", battery.exclude.size()));
    }
    if (!battery.include.empty()) {
        parts.push_back(fmt::format("{} included", battery.include.size()));
    }
    parts.push_back(counted(battery.repeats, "repeat"));
    if (battery.warmups > 0) {
        parts.push_back(counted(battery.warmups, "warm-up"));
    }
    return fmt::format("{}", fmt::join(parts, ", "));
}

std::uint64_t runs_of_each(const Battery& battery) {
    return static_cast<std::uint64_t>(battery.repeats) + static_cast<std::uint64_t>(battery.warmups);
}

// Every combination once, in order; an error of `visit` ends it.
template <typename Visit>
Status for_each_combination(const Battery& battery, Visit visit) {
    const Parameters none;
    if (Product product(battery, none); has_product(battery)) {
        do {
            if (is_excluded(battery, product)) {
                continue;
            }
            if (Status s = visit(product.here(), std::string_view("matrix"), kWholeKey); !s) {
                return s;
            }
        } while (product.next());
    }
    for (std::size_t i = 0; i < battery.include.size(); ++i) {
        Product product(battery, battery.include[i]);
        do {
            if (Status s = visit(product.here(), std::string_view("include"), i); !s) {
                return s;
            }
        } while (product.next());
    }
    return Status::ok();
}

}  // namespace

std::string describe(const Parameters& parameters) {
    std::vector<std::string> words;
    for (const auto& [name, value] : parameters) {
        words.push_back(fmt::format("{}={}", name, value));
    }
    return fmt::format("{}", fmt::join(words, " "));
}

Result<Count> count_points(const Battery& battery) {
    const Parameters none;
    Count count;
    if (Product product(battery, none); has_product(battery)) {
        count.combinations = product.size();
        if (!battery.exclude.empty() && count.combinations <= kMostPoints) {
            count.combinations = 0;
            do {
                count.combinations += is_excluded(battery, product) ? 0U : 1U;
            } while (product.next());
        }
    }
    for (const Parameters& entry : battery.include) {
        count.combinations += Product(battery, entry).size();
    }
    count.points = std::min(count.combinations, kMostPoints + 1) * runs_of_each(battery);
    count.why = reasons(battery);
    if (count.points > kMostPoints) {
        return complaint(
            battery, "matrix", kWholeKey,
            fmt::format("more than {} points are more than one battery runs ({})", kMostPoints, count.why));
    }
    if (count.points == 0) {
        return complaint(battery, "exclude", kWholeKey, "no point is left");
    }
    return count;
}

Result<std::vector<Point>> make_points(const Battery& battery) {
    const Result<Count> count = count_points(battery);
    if (!count) {
        return count.error();
    }
    std::vector<Point> points;
    points.reserve(count->points);
    std::unordered_set<std::string> seen;
    Status status =
        for_each_combination(battery, [&](const Parameters& parameters, std::string_view key, std::size_t i) {
            std::string name = describe(parameters);
            if (!seen.insert(name).second) {
                return Status(
                    complaint(battery, key, i, fmt::format("the point {} is there already; once is right", name)));
            }
            for (int run = 1 - battery.warmups; run <= battery.repeats; ++run) {
                const std::string id = fmt::format("p{:04}", points.size() + 1);
                Result<Point> point = make_point(battery, parameters, id, run);
                if (!point) {
                    return Status(point.error());
                }
                points.push_back(std::move(*point));
            }
            return Status::ok();
        });
    if (!status) {
        return status.error();
    }
    return points;
}

}  // namespace inferstep::sweep
