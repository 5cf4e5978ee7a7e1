#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "llm/kernels/kernels.hpp"
#include "llm/kernels/matrix.hpp"

namespace inferstep::llm {
namespace {

struct IsaName {
    Isa isa;
    const char* name;
};

constexpr IsaName kIsas[] = {{Isa::kPortable, "portable"}, {Isa::kAvx2, "avx2"}, {Isa::kAvx512, "avx512"}};

#if defined(__x86_64__)
bool has_half_conversions() {
    unsigned a = 0;
    unsigned b = 0;
    unsigned c = 0;
    unsigned d = 0;
    return __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_F16C) != 0;
}
#endif

// The compiler's own look at cpuid, which asks whether the kernel keeps the registers as well.
bool has(Isa isa) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (isa == Isa::kAvx2) {
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_half_conversions();
    }
    if (isa == Isa::kAvx512) {
        return has(Isa::kAvx2) && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bf16");
    }
#endif
    return isa == Isa::kPortable;
}

const Kernels* kernels_of(Isa isa) {
#if defined(__x86_64__)
    if (isa != Isa::kPortable) {
        return isa == Isa::kAvx512 ? &avx512_kernels : &avx2_kernels;
    }
#endif
    return isa == Isa::kPortable ? &portable_kernels : nullptr;
}

struct Choice {
    Isa isa = best_isa();
    const Kernels* kernels = kernels_of(isa);
};

Choice& choice() {
    static Choice chosen;
    return chosen;
}

}  // namespace

std::string_view name_of(Isa isa) {
    for (const IsaName& known : kIsas) {
        if (known.isa == isa) {
            return known.name;
        }
    }
    return "?";
}

Isa best_isa() { return has(Isa::kAvx512) ? Isa::kAvx512 : has(Isa::kAvx2) ? Isa::kAvx2 : Isa::kPortable; }

Status use_isa(Isa isa) {
    if (!has(isa)) {
        return fail("this CPU has no {}; the best that it has is {}", name_of(isa), name_of(best_isa()));
    }
    choice() = {isa, kernels_of(isa)};
    return Status::ok();
}

Isa current_isa() { return choice().isa; }

const Kernels& kernels() { return *choice().kernels; }

}  // namespace inferstep::llm
