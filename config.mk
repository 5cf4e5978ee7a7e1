# Detection: what is on this machine and where it is installed to. Everything can be overridden on the command line.

prefix      ?= /usr/local
exec_prefix ?= $(prefix)
bindir      ?= $(exec_prefix)/bin
sbindir     ?= $(exec_prefix)/sbin
libdir      ?= $(exec_prefix)/lib
includedir  ?= $(prefix)/include
sysconfdir  ?= $(if $(filter /usr,$(prefix)),/etc,$(prefix)/etc)
datarootdir ?= $(prefix)/share
mandir      ?= $(datarootdir)/man
docdir      ?= $(datarootdir)/doc/inferstep
pkglibdir   ?= $(libdir)/inferstep
completionsdir ?= $(datarootdir)/bash-completion/completions
INSTALL     ?= install

VERSION := 0.1.0
GIT     := $(shell git -C $(CURDIR) describe --always --dirty --abbrev=9 2>/dev/null || echo unknown)
PKG_CONFIG ?= pkg-config

# --- Slurm: SLURM_CFLAGS given, else pkg-config (SchedMD's packages), else the header where Debian puts it.
SLURM_CFLAGS  ?= $(shell $(PKG_CONFIG) --cflags slurm 2>/dev/null)
SLURM_INCLUDE ?= $(firstword $(patsubst -I%,%,$(filter -I%,$(SLURM_CFLAGS))) /usr/include)
SLURM_VERSION := $(shell sed -n 's/^.define SLURM_VERSION_NUMBER *\(0x[0-9a-fA-F]*\).*/\1/p' \
                   $(SLURM_INCLUDE)/slurm/slurm_version.h $(SLURM_INCLUDE)/slurm/slurm.h 2>/dev/null | head -n 1)
SLURM_RELEASE := $(if $(SLURM_VERSION),$(shell printf '%d.%02d' $$(($(SLURM_VERSION) >> 16)) $$(($(SLURM_VERSION) >> 8 & 255))))
SLURM_CONF    ?= $(or $(shell $(PKG_CONFIG) --variable=sysconfdir slurm 2>/dev/null),/etc/slurm)/slurm.conf
MULTIARCH     := $(shell $(CXX) -print-multiarch 2>/dev/null)
slurm_plugindir ?= $(firstword $(shell $(PKG_CONFIG) --variable=plugindir slurm 2>/dev/null) \
                     $(wildcard /usr/lib/$(MULTIARCH)/slurm-wlm /usr/lib64/slurm) $(libdir)/slurm)

# --- Libraries with a .pc file
LIBS_NEEDED := hwloc hiredis libcjson fmt libcrypto libjpeg libpng yaml-cpp sentencepiece libpcre2-8
PC_CFLAGS   := $(shell $(PKG_CONFIG) --cflags $(LIBS_NEEDED) 2>/dev/null)
PC_LIBS     := $(filter-out -lsentencepiece_train,$(shell $(PKG_CONFIG) --libs $(LIBS_NEEDED) 2>/dev/null))
missing_libs = $(strip $(foreach lib,$(LIBS_NEEDED),$(shell $(PKG_CONFIG) --exists $(lib) || echo $(lib))))

# --- libtorch: TORCH_HOME if given, else the pinned wheel in the cache, which contrib/deps/torch.sh fetches when needed.
ifndef TORCH_HOME
TORCH_HOME  := $(shell contrib/deps/torch.sh --print)
TORCH_FETCH := contrib/deps/torch.sh >/dev/null
endif

# --- CUDA and NCCL: used through dlopen at run time; the versions compiled against are recorded. Kernels are compiled where
# nvcc and the static run-time library are.
CUDA_HOME ?= $(patsubst %/bin/nvcc,%,$(realpath $(shell command -v nvcc 2>/dev/null)))
ifeq ($(NO_CUDA_TOOLKIT),1)
override CUDA_HOME :=
endif
CUDA_VERSION := $(if $(CUDA_HOME),$(shell sed -n 's/^.define CUDA_VERSION  *//p' $(firstword $(wildcard $(CUDA_HOME)/include/cuda.h $(CUDA_HOME)/targets/*/include/cuda.h) /dev/null)))
CUDA_LIBDIR  := $(if $(CUDA_HOME),$(patsubst %/libcudart_static.a,%,$(firstword $(wildcard $(addsuffix /libcudart_static.a,$(CUDA_HOME)/lib64 $(CUDA_HOME)/lib $(CUDA_HOME)/targets/*/lib)))))
CUDA_INCLUDE := $(if $(CUDA_HOME),$(patsubst %/cuda_runtime.h,%,$(firstword $(wildcard $(CUDA_HOME)/include/cuda_runtime.h $(CUDA_HOME)/targets/*/include/cuda_runtime.h))))
NVCC         := $(if $(CUDA_LIBDIR),$(if $(CUDA_INCLUDE),$(wildcard $(CUDA_HOME)/bin/nvcc)))
NCCL_HEADER  := $(if $(CUDA_HOME),$(firstword $(wildcard $(CUDA_HOME)/include/nccl.h /usr/local/include/nccl.h /usr/include/nccl.h)))
NCCL_VERSION := $(if $(NCCL_HEADER),$(shell sed -n 's/^.define NCCL_VERSION_CODE  *//p' $(NCCL_HEADER)))
