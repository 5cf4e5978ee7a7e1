#include "report/interval.hpp"

#include <algorithm>
#include <cmath>

namespace inferstep::report {
namespace {

constexpr double kConfidence = 0.95;

// The continued fraction of the incomplete beta function (DLMF 8.17.22), evaluated from the front by Lentz's method.
double beta_fraction(double x, double a, double b) {
    constexpr double kTiny = 1e-300;
    constexpr int kMostTerms = 10'000;
    double c = 1;
    double d = 1 / std::max(std::fabs(1 - (a + b) * x / (a + 1)), kTiny);
    double value = d;
    for (int m = 1; m < kMostTerms; ++m) {
        const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        double step = 1;
        for (const double term : {even, odd}) {
            d = 1 / (1 + term * d);
            c = 1 + term / c;
            step *= c * d;
        }
        value *= step;
        if (std::fabs(step - 1) < 1e-15) {
            break;
        }
    }
    return value;
}

// The regularized incomplete beta function I_x(a, b); its fraction converges fast on one side of the mean.
double incomplete_beta(double x, double a, double b) {
    if (x <= 0 || x >= 1) {
        return x <= 0 ? 0 : 1;
    }
    const double front =
        std::exp(std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) + a * std::log(x) + b * std::log1p(-x));
    return x < (a + 1) / (a + b + 2) ? front * beta_fraction(x, a, b) / a : 1 - front * beta_fraction(1 - x, b, a) / b;
}

// The square of a value's standard error relative to it.
double relative_variance(const Value& v) {
    const double t = student_t(kConfidence, static_cast<double>(v.from.size()) - 1);
    const double error = half_width(v) / t / v.value;
    return error * error;
}

}  // namespace

double student_t(double confidence, double freedom) {
    if (!(freedom > 0) || !(confidence > 0 && confidence < 1)) {
        return kUnknown;
    }
    const auto within = [freedom](double t) {
        return 1 - incomplete_beta(freedom / (freedom + t * t), freedom / 2, 0.5);
    };
    double low = 0;
    double high = 1;
    while (within(high) < confidence && high < 1e12) {
        high *= 2;
    }
    for (int i = 0; i < 200 && high - low > 1e-15 * high; ++i) {
        const double middle = (low + high) / 2;
        (within(middle) < confidence ? low : high) = middle;
    }
    return (low + high) / 2;
}

Value of_repeats(const std::vector<double>& values, const std::vector<std::size_t>& executions) {
    Value result;
    double sum = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (std::isfinite(values[i])) {
            sum += values[i];
            result.from.push_back(executions[i]);
        }
    }
    if (result.from.empty()) {
        return result;
    }
    const auto n = static_cast<double>(result.from.size());
    result.value = sum / n;
    if (result.from.size() > 1) {
        double squares = 0;
        for (const double v : values) {
            squares += std::isfinite(v) ? (v - result.value) * (v - result.value) : 0;
        }
        double half = student_t(kConfidence, n - 1) * std::sqrt(squares / (n - 1) / n);
        half = half > 1e-13 * std::fabs(result.value) ? half : 0;  // equal values, rounded
        result.low = result.value - half;
        result.high = result.value + half;
    }
    return result;
}

Value ratio(const Value& above, const Value& below) {
    Value result;
    if (!std::isfinite(above.value) || !std::isfinite(below.value) || below.value == 0) {
        return result;
    }
    result.value = above.value / below.value;
    result.from = above.from;
    result.from.insert(result.from.end(), below.from.begin(), below.from.end());
    if (std::isnan(half_width(above)) || std::isnan(half_width(below)) || above.value == 0) {
        return result;
    }
    const double a = relative_variance(above);
    const double b = relative_variance(below);
    double half = 0;
    if (a + b > 0) {
        const double freedom = (a + b) * (a + b) /
                               (a * a / (static_cast<double>(above.from.size()) - 1) +
                                b * b / (static_cast<double>(below.from.size()) - 1));
        half = student_t(kConfidence, freedom) * std::fabs(result.value) * std::sqrt(a + b);
    }
    result.low = result.value - half;
    result.high = result.value + half;
    return result;
}

Value scaled(Value value, double factor) {
    value.value *= factor;
    value.low *= factor;
    value.high *= factor;
    return value;
}

double half_width(const Value& value) { return (value.high - value.low) / 2; }

}  // namespace inferstep::report
