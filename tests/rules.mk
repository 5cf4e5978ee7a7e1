# Tests, benchmarks and checks. Included by the Makefile.
.PHONY: check unit demo bench fuzz lint format sanitize print-spank-objects

# What a fresh machine lacks is installed first; the build then starts anew, so that detection sees it.
check:                   ## install what is missing, build, run every test on a throwaway Slurm cluster
	@$(MAKE) --no-print-directory deps
	@contrib/deps/packages.sh lint
	@$(MAKE) --no-print-directory -j2 all $(BUILD)/tests/unit $(BUILD)/tests/bench/links
	@tests/run --build $(BUILD) $(TESTS)

unit: $(BUILD)/tests/unit  ## the unit tests alone
	@tests/run --build $(BUILD) unit

demo:                    ## install what is missing, build, run the main job on a throwaway cluster of four nodes
	@$(MAKE) --no-print-directory deps
	@$(MAKE) --no-print-directory -j2 all
	@contrib/cluster/demo

bench:                   ## measure against the goals (ONLY=name[,name…]); writes bench.json
	@$(MAKE) --no-print-directory deps
	@$(MAKE) --no-print-directory -j2 all $(addprefix $(BUILD)/tests/bench/,forward transfer links plain_links decode timing_plugin.so)
	@tests/bench/run --build $(BUILD) --json bench.json $(ONLY)

SOURCES = $(shell git ls-files '*.cpp' '*.hpp' '*.h' '*.cu' '*.cuh' 2>/dev/null)
SCRIPTS = $(shell git ls-files .ci contrib tests | xargs grep -lE '^\#!.*(sh|bash)$$' 2>/dev/null)

fuzz:                    ## let the fuzzers run (SECONDS=n, 60 by default)
	@contrib/deps/packages.sh build test
	@tests/fuzz/run $(SECONDS)

lint:                    ## clang-format, clang-tidy, shellcheck, man pages
	@tests/lint

print-spank-objects:     # for tests/lib/plugin-calls
	@echo $(SPANK_OBJ)

format:                  ## let clang-format mend the sources
	clang-format -i $(SOURCES)

# What the benchmarks need beside the products.
$(BUILD)/tests/bench/forward: tests/bench/forward.cpp $(LOADER_OBJ) $(CORE_OBJ)
	$(call say,LINK)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) $(CPPFLAGS) $(PC_CFLAGS) $(CXXFLAGS) $(LDFLAGS) -pie $^ $(PC_LIBS) -ldl -pthread -o $@

$(BUILD)/tests/bench/transfer: tests/bench/transfer.cpp $(CLIENT_OBJ) $(CORE_OBJ)
	$(call say,LINK)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) $(CPPFLAGS) $(PC_CFLAGS) $(CXXFLAGS) $(LDFLAGS) -pie $^ $(PC_LIBS) -pthread -o $@

KERNEL_PARTS := isa kernels_avx2 kernels_avx512 kernels_portable matrix memory multiply_avx2 multiply_avx512 pack pool quantize read_bandwidth vector_math
KERNEL_SUITES := matrix packing vectors
$(BUILD)/tests/bench/kernels: tests/bench/kernels.cpp $(call objects,$(KERNEL_PARTS:%=runtime/llm/kernels/%.cpp))
	$(call say,LINK)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) $(CPPFLAGS) $(CXXFLAGS) $(LDFLAGS) -pie $^ -lfmt -pthread -o $@

# Also what tests/cli/t0830-comm.bats runs as ranks.
$(BUILD)/tests/bench/links: tests/bench/links.cpp $(COMM_OBJ) $(CORE_OBJ)
	$(call say,LINK)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) $(CPPFLAGS) $(PC_CFLAGS) $(CXXFLAGS) $(LDFLAGS) -pie $^ -lfmt -lcjson -lcrypto -ldl -pthread -o $@

$(BUILD)/tests/bench/plain_links: tests/bench/plain_links.cpp
	$(call say,LINK)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) $(CPPFLAGS) $(CXXFLAGS) $(LDFLAGS) -pie $^ -o $@

# An archive gives what is called, and nothing of what only the whole program needs.
$(BUILD)/tests/bench/parts.a: $(LLM_OBJ) $(COMM_OBJ) $(DB_OBJ) $(CLIENT_OBJ) $(PLACE_OBJ) $(CORE_OBJ) $(CONFIG_OBJ)
	$(call say,AR)
	$(Q)mkdir -p $(@D)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/tests/bench/decode: tests/bench/decode.cpp $(BUILD)/tests/bench/parts.a
	$(call say,LINK)
	$(Q)$(CXX) $(CPPFLAGS) $(PC_CFLAGS) $(CXXFLAGS) $(LDFLAGS) -pie $^ $(PC_LIBS) -ldl -pthread -o $@

# llama.cpp is fetched and built by the figures that need it.
$(BUILD)/tests/bench/llamacpp: tests/bench/llamacpp.cpp
	$(call say,LINK)
	$(Q)mkdir -p $(@D)
	$(Q)lib=$$(contrib/deps/llamacpp.sh) && $(CXX) -O2 -std=c++20 -I$$lib/include $< -L$$lib/lib -Wl,-rpath-link,$$lib/lib \
	    -lllama -lggml -o $@

$(BUILD)/tests/bench/timing_plugin.so: tests/bench/timing_plugin.cpp
	$(call say,SPANK)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) $(CPPFLAGS) $(SLURM_CFLAGS) $(CXXFLAGS) -shared $< -ldl -o $@

# A machine with GPUs that are emulated on the host: its driver and NCCL, and the library of kernels on it.
EMULATED     := $(addprefix $(BUILD)/tests/cuda/,libcuda.so.1 libnccl.so.2 libinferstep_cuda.so)
.PHONY: emulated
emulated: $(EMULATED)
EMULATED_SRC := runtime/llm/cuda/engine.cpp runtime/llm/cuda/model.cpp tests/cuda/emulation.cpp tests/cuda/launch_emulated.cpp
EMULATED_OBJ := $(EMULATED_SRC:%.cpp=$(BUILD)/emulated/%.o)
$(BUILD)/emulated/%.o: %.cpp
	$(call say,CXX)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) $(CPPFLAGS) -Itests/cuda $(PC_CFLAGS) $(CXXFLAGS) -c $< -o $@

$(BUILD)/tests/cuda/libinferstep_cuda.so: $(EMULATED_OBJ)
	$(call say,LINK)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) -shared $(LDFLAGS) -Wl,--version-script=runtime/llm/cuda/exports.map $^ -o $@

$(BUILD)/tests/cuda/libcuda.so.1: tests/cuda/driver.cpp
$(BUILD)/tests/cuda/libnccl.so.2: tests/cuda/nccl.cpp
$(filter %.so.1 %.so.2,$(EMULATED)):
	$(call say,LINK)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) $(CPPFLAGS) $(CXXFLAGS) -fvisibility=default -shared $(LDFLAGS) $< -o $@
-include $(shell find $(BUILD)/emulated -name '*.d' 2>/dev/null)

# The queue without Redis, for ThreadSanitizer: tests/sanitize builds it with SANITIZE=thread in a build of its own.
QUEUE_SUITES := adaptive queue runaway schedule
QUEUE_PARTS  := batch histogram queue queue_watch queue_work request schedule thread trial
QUEUE_UNIT   := $(call objects,$(QUEUE_PARTS:%=runtime/inferdb/%.cpp) $(QUEUE_SUITES:%=tests/unit/inferdb_%.cpp) runtime/core/stats.cpp)
$(BUILD)/obj/tests/unit/main-queue.o: tests/unit/main.cpp
	$(call say,CXX)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) $(CPPFLAGS) -DINFERSTEP_SUITES='&kAdaptiveSuite,&kQueueSuite,&kRunawaySuite,&kScheduleSuite' $(CXXFLAGS) -c $< -o $@

$(BUILD)/tests/queue: $(QUEUE_UNIT) $(BUILD)/obj/tests/unit/main-queue.o
	$(call say,LINK)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) $(LDFLAGS) $^ -lfmt -lcunit -pthread -o $@

# The kernels and the pool alone, for the sanitizers.
$(BUILD)/obj/tests/unit/main-kernels.o: tests/unit/main.cpp
	$(call say,CXX)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) $(CPPFLAGS) -DINFERSTEP_SUITES='&kLlmMatrixSuite,&kLlmPackingSuite,&kLlmVectorSuite' $(CXXFLAGS) -c $< -o $@

$(BUILD)/tests/kernels: $(call objects,$(KERNEL_PARTS:%=runtime/llm/kernels/%.cpp) $(KERNEL_SUITES:%=tests/unit/llm_%.cpp)) $(BUILD)/obj/tests/unit/main-kernels.o
	$(call say,LINK)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) $(LDFLAGS) $^ -lfmt -lcunit -pthread -o $@

# The ranks' world likewise.
$(BUILD)/obj/tests/unit/main-comm.o: tests/unit/main.cpp
	$(call say,CXX)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) $(CPPFLAGS) -DINFERSTEP_SUITES='&kCommLinksSuite,&kCommWorldSuite' $(CXXFLAGS) -c $< -o $@

$(BUILD)/tests/comm: $(call objects,$(wildcard tests/unit/comm_*.cpp)) $(BUILD)/obj/tests/unit/main-comm.o $(COMM_OBJ) $(CORE_OBJ)
	$(call say,LINK)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) $(LDFLAGS) $^ -lfmt -lcjson -lcrypto -lcunit -ldl -pthread -o $@

# Fuzzers: the module's sources in a stand-in for redis-server, by clang, with its sanitizers; no Redis, no libtorch.
FUZZ_CXX  ?= clang++-14
FUZZ_FLAGS := -std=c++20 -O1 -g1 -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
fuzz_obj    = $(patsubst %.cpp,$(BUILD)/fuzz/%.o,$(1))
FUZZ_MODULE := $(call fuzz_obj,$(call parts,runtime/inferdb) $(filter-out %/version.cpp %/config.cpp %/config_edit.cpp,$(call parts,runtime/core)) \
                 $(addprefix tests/fuzz/,fake_backend.cpp redis_functions.cpp redis_host.cpp))
# Of the loader all but the opening of libtorch, in the place of which stands fake_backend.cpp.
$(BUILD)/fuzz/runtime/inferdb/loader.o: CPPFLAGS += -Dopen_torch_backend=open_real_backend
FUZZ_TEXTS := $(call fuzz_obj,$(addprefix runtime/comm/,address.cpp frame.cpp hello.cpp) runtime/db/model_spec.cpp runtime/report/csv.cpp runtime/report/ini.cpp $(filter-out $(wildcard runtime/db/client/c_*.cpp),$(call parts,runtime/db/client)))
$(BUILD)/fuzz/%.o: %.cpp
	$(call say,FUZZ)
	$(Q)mkdir -p $(@D)
	$(Q)$(FUZZ_CXX) $(CPPFLAGS) -Itests/fuzz $(PC_CFLAGS) $(FUZZ_FLAGS) -c $< -o $@

$(BUILD)/fuzz/texts: $(FUZZ_TEXTS)
$(BUILD)/fuzz/commands $(BUILD)/fuzz/texts: $(BUILD)/fuzz/%: $(BUILD)/fuzz/tests/fuzz/%.o $(FUZZ_MODULE)
	$(call say,LINK)
	$(Q)$(FUZZ_CXX) $(FUZZ_FLAGS) -fsanitize=fuzzer $^ -lfmt -lcjson -lcrypto -lhiredis -ldl -pthread -o $@

FUZZ_MODELS := $(call fuzz_obj,$(addprefix runtime/llm/files/,gguf.cpp gguf_shape.cpp gguf_values.cpp hf_config.cpp \
                 pickle.cpp pickle_calls.cpp safetensors.cpp shape_tensors.cpp tensor_source.cpp torch_file.cpp zip.cpp) \
                 runtime/llm/text/json_lines.cpp $(addprefix runtime/core/,file.cpp json.cpp text.cpp))
$(BUILD)/fuzz/models: $(BUILD)/fuzz/tests/fuzz/models.o $(FUZZ_MODELS)
	$(call say,LINK)
	$(Q)$(FUZZ_CXX) $(FUZZ_FLAGS) -fsanitize=fuzzer $^ -lfmt -lcjson -lcrypto -o $@
-include $(shell find $(BUILD)/fuzz -name '*.d' 2>/dev/null)
