# inferstep: machine-learning inference as a Slurm job step. `make help` lists the targets.
include config.mk

BUILD ?= build
# However it is written: the dependencies that the compiler notes name the objects as they were named to it.
override BUILD := $(patsubst $(CURDIR)/%,%,$(BUILD))
V     ?= 0
Q     := $(if $(filter 0,$(V)),@)
say    = $(if $(filter 0,$(V)),@printf '  %-5s %s\n' $(1) $(patsubst $(BUILD)/%,%,$@))

LIB   := $(BUILD)/lib
PKG   := $(LIB)/inferstep
BIN   := $(BUILD)/bin/inferstep
SPANK := $(LIB)/slurm/spank_infer.so

WARN  := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wformat=2 -Wundef -Wcast-align -Wnull-dereference -Werror
HARD  := -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection -fcf-protection
SANITIZE ?=
ifneq ($(SANITIZE),)
# What the sanitizers add to the code makes g++ see uninitialized variables in the standard library (regex) that are none.
HARD  := -fsanitize=$(SANITIZE) -fno-omit-frame-pointer -fno-sanitize-recover=undefined -Wno-maybe-uninitialized
endif
OPT      ?= -O2 -g1
CPPFLAGS += -Iruntime -DINFERSTEP_VERSION='"$(VERSION)"' -DINFERSTEP_PKGLIBDIR='"$(pkglibdir)"' -MMD -MP
CXXFLAGS += -std=c++20 -fPIC -fvisibility=hidden $(OPT) $(WARN) $(HARD)
LDFLAGS  += -Wl,-z,relro,-z,now,-z,noexecstack,--as-needed $(if $(SANITIZE),-fsanitize=$(SANITIZE))

# --- What is built from what: a part is the files of its folder; *_torch.cpp goes into the one library on libtorch.
parts      = $(filter-out %_torch.cpp,$(wildcard $(addsuffix /*.cpp,$(1))))
objects    = $(patsubst %.cpp,$(BUILD)/obj/%.o,$(1))
# Only the program reads configuration files: the module and the benchmarks do without the YAML library.
CONFIG_OBJ := $(addprefix $(BUILD)/obj/runtime/core/,config.o config_edit.o)
CORE_OBJ   := $(filter-out $(CONFIG_OBJ),$(call objects,$(call parts,runtime/core)))
PLACE_OBJ  := $(call objects,$(call parts,runtime/place))
DB_OBJ     := $(call objects,$(call parts,runtime/db))
VISION_OBJ := $(call objects,$(call parts,runtime/vision))
COMM_OBJ   := $(call objects,$(call parts,runtime/comm))
LLM_OBJ    := $(call objects,$(call parts,$(addprefix runtime/llm/,files text kernels stage run)))
BENCH_OBJ  := $(call objects,$(call parts,runtime/bench))
SWEEP_OBJ  := $(call objects,$(call parts,runtime/sweep))
REPORT_OBJ := $(call objects,$(call parts,runtime/report))
CLI_OBJ    := $(call objects,$(call parts,runtime/cli))
MODULE_OBJ := $(call objects,$(call parts,runtime/inferdb))
LOADER_OBJ := $(BUILD)/obj/runtime/inferdb/loader.o
CLIENT_OBJ := $(call objects,$(call parts,runtime/db/client))
TORCH_OBJ  := $(call objects,$(wildcard runtime/*/*_torch.cpp runtime/*/*/*_torch.cpp) runtime/core/json.cpp)
CUDA_OBJ   := $(call objects,$(call parts,runtime/llm/cuda)) $(patsubst %.cu,$(BUILD)/obj/%.cu.o,$(wildcard runtime/llm/cuda/*.cu))
CUDA_LIBRARY := $(if $(NVCC),$(PKG)/libinferstep_cuda.so)
SPANK_SRC  := $(wildcard spank/*.cpp) $(addprefix runtime/core/,spawn.cpp step_models.cpp step_options.cpp step_request.cpp)
SPANK_OBJ  := $(patsubst %.cpp,$(BUILD)/obj/spank-%.o,$(subst /,_,$(SPANK_SRC)))
UNIT_OBJ   := $(call objects,$(wildcard tests/unit/*.cpp) tests/cuda/emulation.cpp)
FORTRAN    := runtime/db/client/inferclient.f90 runtime/db/client/fortran_loop.f90
FORTRAN_INC := $(wildcard runtime/db/client/*.inc)
PRODUCTS    = $(BIN) $(SPANK) $(PKG)/inferdb.so $(PKG)/libinferstep_torch.so $(PKG)/libinferstep_standin.so \
              $(PKG)/libinferstep_fortran.so \
              $(LIB)/libinferclient.so $(LIB)/libinferclient.a $(PKG)/torch/.complete $(CUDA_LIBRARY)

$(BUILD)/obj/runtime/db/standard_options.o: CPPFLAGS += -DINFERSTEP_SYSCONFDIR='"$(sysconfdir)"'

.PHONY: help deps all clean
.DELETE_ON_ERROR:
.SUFFIXES:
.DEFAULT_GOAL := help

help:                    ## this list
	@echo "inferstep $(VERSION) ($(GIT)): make TARGET [VARIABLE=value]"; \
	sed -n 's/^\([a-z][a-z]*\):.*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 12; \
	echo "found: Slurm $(or $(SLURM_VERSION),none), libtorch $(TORCH_HOME), CUDA $(or $(CUDA_VERSION),none), NCCL $(or $(NCCL_VERSION),none), nvcc $(or $(NVCC),none)"; \
	echo "variables: prefix=$(prefix) DESTDIR=$(DESTDIR) slurm_plugindir=$(slurm_plugindir) TORCH_HOME SLURM_CFLAGS NO_CUDA_TOOLKIT=1 V=1"

deps:                    ## install Debian packages (as root) and fetch libtorch into the cache, where they are missing
	@contrib/deps/packages.sh
	@contrib/deps/torch.sh >/dev/null
	@contrib/deps/torch.sh --cudart >/dev/null

all: $(PRODUCTS)         ## build everything

# Only a goal that compiles needs the libraries, and then the message comes before the first compiler error.
ifneq ($(filter all install unit,$(MAKECMDGOALS)),)
$(if $(missing_libs),$(error these libraries are missing: $(missing_libs); `make deps` installs them))
$(if $(SLURM_VERSION),,$(error no Slurm headers found in $(SLURM_INCLUDE); `make deps` installs them or set SLURM_CFLAGS=-I…))
endif

# --- Compiling
# libtorch brings an fmt of its own, of another version than the system's: there it is used without a library.
$(BUILD)/obj/%_torch.o: %_torch.cpp | $(BUILD)/torch.stamp
	$(call say,TORCH)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) $(CPPFLAGS) $(filter-out $(WARN) -D_FORTIFY_SOURCE=2,$(CXXFLAGS)) -Wall -Wextra -Werror \
	    -DFMT_HEADER_ONLY -isystem $(TORCH_HOME)/include -isystem $(TORCH_HOME)/include/torch/csrc/api/include -c $< -o $@

$(BUILD)/obj/runtime/core/version.o: CPPFLAGS += -DINFERSTEP_GIT='"$(GIT)"' -DINFERSTEP_SLURM=$(or $(SLURM_VERSION),0) \
    -DINFERSTEP_CUDA=$(or $(CUDA_VERSION),0) -DINFERSTEP_NCCL=$(or $(NCCL_VERSION),0)

$(BUILD)/obj/%.o: %.cpp
	$(call say,CXX)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) $(CPPFLAGS) $(PC_CFLAGS) $(CXXFLAGS) -c $< -o $@

# The plugin is loaded as root into srun and slurmstepd: no C++ run-time library, nothing but libc.
define spank_rule
$(BUILD)/obj/spank-$(subst /,_,$(1:.cpp=.o)): $(1)
	$$(call say,SPANK)
	$(Q)mkdir -p $$(@D)
	$(Q)$$(CXX) $$(CPPFLAGS) -I. $$(SLURM_CFLAGS) $$(CXXFLAGS) -fno-exceptions -fno-rtti -fno-threadsafe-statics -c $$< -o $$@
endef
$(foreach source,$(SPANK_SRC),$(eval $(call spank_rule,$(source))))

# NCCL is opened when it is used; its header says how to call it.
$(BUILD)/obj/runtime/comm/link_nccl.o: CPPFLAGS += $(if $(NCCL_HEADER),-DINFERSTEP_WITH_NCCL -isystem $(patsubst %/nccl.h,%,$(NCCL_HEADER)) -isystem $(CUDA_INCLUDE))

# Kernels for CPUs that this machine need not be: chosen when the program runs. Every product and sum is written down as it
# is to be made, so that equal numbers give equal bits wherever the compiler puts the code.
$(BUILD)/obj/runtime/llm/%: CXXFLAGS += -ffp-contract=off
$(BUILD)/obj/runtime/llm/kernels/%_avx2.o: CXXFLAGS += -O3 -mavx2 -mfma -mf16c
# g++ 12 warns of its own AVX-512 header.
$(BUILD)/obj/runtime/llm/kernels/%_avx512.o: CXXFLAGS += -O3 -Wno-uninitialized -Wno-maybe-uninitialized -mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx512vnni -mavx512bf16 -mfma -mf16c

# Kernels for GPUs: T4 (75), A100 (80), H100 (90), and for later ones the code that their driver compiles.
NVCC_FLAGS := -std=c++20 -O2 -ccbin $(lastword $(CXX)) $(foreach sm,75 80 90,-gencode arch=compute_$(sm),code=sm_$(sm)) \
              -gencode arch=compute_90,code=compute_90 --Werror all-warnings -Xcompiler -fPIC,-fvisibility=hidden,-Wall,-Wextra,-Werror
$(filter-out %.cu.o,$(CUDA_OBJ)): CPPFLAGS += -isystem $(CUDA_INCLUDE)
$(BUILD)/obj/%.cu.o: %.cu
	$(call say,NVCC)
	$(Q)mkdir -p $(@D)
	$(Q)$(filter ccache,$(CXX)) $(NVCC) $(CPPFLAGS) $(NVCC_FLAGS) -c $< -o $@

# --- Linking
# With CUDA's static run-time library: a node needs the driver alone.
$(PKG)/libinferstep_cuda.so: $(CUDA_OBJ) runtime/llm/cuda/exports.map
	$(call say,LINK)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) -shared $(LDFLAGS) -Wl,--version-script=runtime/llm/cuda/exports.map $(CUDA_OBJ) -L$(CUDA_LIBDIR) -lcudart_static -ldl -lrt -pthread -o $@

$(SPANK): $(SPANK_OBJ) spank/exports.map
	$(call say,LINK)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -shared $(LDFLAGS) -Wl,--version-script=spank/exports.map $(SPANK_OBJ) -o $@


$(BIN): $(CLI_OBJ) $(REPORT_OBJ) $(SWEEP_OBJ) $(BENCH_OBJ) $(LLM_OBJ) $(DB_OBJ) $(CLIENT_OBJ) $(COMM_OBJ) $(PLACE_OBJ) $(VISION_OBJ) $(LOADER_OBJ) $(CORE_OBJ) $(CONFIG_OBJ)
	$(call say,LINK)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) $(LDFLAGS) -pie $^ $(PC_LIBS) -ldl -pthread -o $@

$(PKG)/inferdb.so: $(MODULE_OBJ) $(CORE_OBJ) runtime/inferdb/exports.map
	$(call say,LINK)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) -shared $(LDFLAGS) -Wl,--version-script=runtime/inferdb/exports.map $(filter %.o,$^) -lfmt -lcjson -lcrypto -ldl -pthread -o $@

$(PKG)/libinferstep_torch.so: $(TORCH_OBJ) | $(PKG)/torch/.complete
	$(call say,LINK)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) -shared $(LDFLAGS) $^ -L$(PKG)/torch -Wl,-rpath,'$$ORIGIN/torch' -Wl,--no-as-needed \
	    $(patsubst %,-l:%,$(notdir $(wildcard $(PKG)/torch/libcudart.so.13 $(PKG)/torch/libcupti.so.13))) \
	    -ltorch_cpu -lc10 -Wl,--as-needed -lfmt -lcjson -o $@

# An empty libtorch.so, for compiled models: see package_torch.cpp.
$(PKG)/libinferstep_standin.so:
	$(call say,LINK)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -shared $(LDFLAGS) -nostdlib -Wl,-soname,libtorch.so -x c /dev/null -o $@

$(LIB)/libinferclient.so: $(CLIENT_OBJ) runtime/db/client/exports.map
	$(call say,LINK)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) -shared $(LDFLAGS) -Wl,-soname,libinferclient.so.0 -Wl,--version-script=runtime/db/client/exports.map \
	    $(CLIENT_OBJ) -lhiredis -o $@
	$(Q)ln -sf libinferclient.so $@.0

$(LIB)/libinferclient.a: $(CLIENT_OBJ)
	$(call say,AR)
	$(Q)mkdir -p $(@D)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(PKG)/libinferstep_fortran.so: $(FORTRAN) $(CLIENT_OBJ) $(FORTRAN_INC) runtime/db/client/fortran_exports.map
	$(call say,FC)
	$(Q)mkdir -p $(@D) $(BUILD)/include
	$(Q)gfortran -std=f2018 -shared -fPIC -O2 -g1 -Wall -Wextra $(filter-out -D%,$(HARD)) -J$(BUILD)/include \
	    -Wl,--version-script=runtime/db/client/fortran_exports.map $(filter-out %.inc %.map,$^) $(LDFLAGS) -lhiredis -lstdc++ -o $@

# libtorch is not copied into the build: a folder of links, in which libtorch finds its neighbours through $$ORIGIN.
$(BUILD)/torch.stamp:
	$(Q)mkdir -p $(@D)
	@$(TORCH_FETCH)
	@test -f $(TORCH_HOME)/lib/libtorch_cpu.so || \
	    { echo "make: TORCH_HOME=$(TORCH_HOME) holds no lib/libtorch_cpu.so; unset it to use the pinned one" >&2; exit 1; }
	@touch $@

$(PKG)/torch/.complete: | $(BUILD)/torch.stamp
	$(Q)mkdir -p $(@D)
	$(Q)for f in $(TORCH_HOME)/lib/*.so* $$(contrib/deps/torch.sh --cudart | sed 's,$$,/*.so.*,'); do ln -sf $$f $(@D)/; done
	$(Q)touch $@

# The plugin's rules are tested as they were compiled for it.
SPANK_UNIT := $(BUILD)/obj/spank-spank_settings.o
$(UNIT_OBJ): CPPFLAGS += -I. -Itests/cuda

$(BUILD)/tests/unit: $(UNIT_OBJ) $(SPANK_UNIT) $(filter-out %/main.o,$(CLI_OBJ)) $(REPORT_OBJ) $(SWEEP_OBJ) $(BENCH_OBJ) $(LLM_OBJ) $(DB_OBJ) $(CLIENT_OBJ) $(COMM_OBJ) $(PLACE_OBJ) $(VISION_OBJ) $(filter-out %/entry.o,$(MODULE_OBJ)) $(CORE_OBJ) $(CONFIG_OBJ)
	$(call say,LINK)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) $(LDFLAGS) $^ $(PC_LIBS) -lcunit -ldl -pthread -o $@

clean:                   ## remove the build; the cache with libtorch stays
	rm -rf $(BUILD)

include contrib/rules.mk
include tests/rules.mk
-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
