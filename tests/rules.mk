# Tests, benchmarks and checks. Included by the Makefile.
.PHONY: check unit demo bench lint format sanitize

# What a fresh machine lacks is installed first; the build then starts anew, so that detection sees it.
check:                   ## install what is missing, build, run every test on a throwaway Slurm cluster
	@$(MAKE) --no-print-directory deps
	@contrib/deps/packages.sh lint
	@$(MAKE) --no-print-directory -j2 all $(BUILD)/tests/unit
	@tests/run --build $(BUILD) $(TESTS)

unit: $(BUILD)/tests/unit  ## the unit tests alone
	@tests/run --build $(BUILD) unit

demo:                    ## install what is missing, build, run the main job on a throwaway cluster of four nodes
	@$(MAKE) --no-print-directory deps
	@$(MAKE) --no-print-directory -j2 all
	@contrib/cluster/demo

bench:                   ## measure against the goals (ONLY=name[,name…]); writes bench.json
	@$(MAKE) --no-print-directory deps
	@$(MAKE) --no-print-directory -j2 all $(BUILD)/tests/bench/forward $(BUILD)/tests/bench/timing_plugin.so
	@tests/bench/run --build $(BUILD) --json bench.json $(ONLY)

SOURCES = $(shell git ls-files '*.cpp' '*.hpp' '*.h' 2>/dev/null)
SCRIPTS = $(shell git ls-files .ci contrib tests | xargs grep -lE '^\#!.*(sh|bash)$$' 2>/dev/null)

lint:                    ## clang-format, clang-tidy, shellcheck, man pages
	@tests/lint

format:                  ## let clang-format mend the sources
	clang-format -i $(SOURCES)

# What the benchmarks need beside the products.
$(BUILD)/tests/bench/forward: tests/bench/forward.cpp $(LOADER_OBJ) $(CORE_OBJ)
	$(call say,LINK)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) $(CPPFLAGS) $(PC_CFLAGS) $(CXXFLAGS) $(LDFLAGS) -pie $^ $(PC_LIBS) -ldl -pthread -o $@

$(BUILD)/tests/bench/timing_plugin.so: tests/bench/timing_plugin.cpp
	$(call say,SPANK)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) $(CPPFLAGS) $(SLURM_CFLAGS) $(CXXFLAGS) -shared $< -ldl -o $@
