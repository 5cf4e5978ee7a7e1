# Installing, packages, and the plugin's line in plugstack.conf. Included by the Makefile.
.PHONY: install install-strip uninstall enable disable dist deb rpm

# What we install: each list once, for install and uninstall.
LIBRARIES := $(addprefix $(PKG)/,inferdb.so libinferstep_torch.so libinferstep_standin.so libinferstep_fortran.so) $(CUDA_LIBRARY)
HEADERS   := runtime/db/client/inferclient.hpp runtime/db/client/inferclient.h runtime/db/client/inferclient.f90 $(FORTRAN_INC)
PAGES     := $(wildcard man/*.[1-8])
page_path  = $(mandir)/man$(lastword $(subst ., ,$(1)))/$(notdir $(1))

# A script or a configuration file with the paths of this installation between the @ signs: $(call fill,source,target,mode)
fill = sed -e 's,@plugin@,$(slurm_plugindir)/spank_infer.so,;s,@program@,$(bindir)/inferstep,;s,@slurm_conf@,$(SLURM_CONF),;s,@completions@,$(completionsdir),' $(1) >$(2) && chmod $(3) $(2)

# A link to the cache is as good as a copy, but for a package: other links to the same file change it while it is packed.
LINK ?= ln -fL
install: all             ## install below $(DESTDIR)$(prefix); activates nothing on a cluster
	$(INSTALL) -d $(addprefix $(DESTDIR),$(bindir) $(sbindir) $(pkglibdir)/torch $(libdir) $(includedir) $(slurm_plugindir) $(sysconfdir)/inferstep $(docdir) $(mandir))
	$(INSTALL) -m 755 $(BIN) contrib/export/inferstep-export $(DESTDIR)$(bindir)/
	$(INSTALL) -m 755 $(LIBRARIES) $(DESTDIR)$(pkglibdir)/
	chmod 644 $(DESTDIR)$(pkglibdir)/libinferstep_standin.so
	for f in $(PKG)/torch/*.so*; do $(LINK) $$f $(DESTDIR)$(pkglibdir)/torch/ 2>/dev/null || cp -fL $$f $(DESTDIR)$(pkglibdir)/torch/; done
	$(INSTALL) -m 644 $(LIB)/libinferclient.a $(DESTDIR)$(libdir)/
	$(INSTALL) -m 644 $(LIB)/libinferclient.so $(DESTDIR)$(libdir)/libinferclient.so.$(VERSION)
	ln -sf libinferclient.so.$(VERSION) $(DESTDIR)$(libdir)/libinferclient.so.0
	ln -sf libinferclient.so.0 $(DESTDIR)$(libdir)/libinferclient.so
	$(INSTALL) -m 644 $(HEADERS) $(BUILD)/include/inferclient.mod $(DESTDIR)$(includedir)/
	$(INSTALL) -m 644 $(SPANK) $(DESTDIR)$(slurm_plugindir)/.spank_infer.so.new
	mv $(DESTDIR)$(slurm_plugindir)/.spank_infer.so.new $(DESTDIR)$(slurm_plugindir)/spank_infer.so
	$(call fill,contrib/admin/inferstep-plugstack,$(DESTDIR)$(sbindir)/inferstep-plugstack,755)
	$(call fill,contrib/admin/epilog,$(DESTDIR)$(pkglibdir)/epilog,755)
	$(INSTALL) -m 644 etc/db.conf $(DESTDIR)$(sysconfdir)/inferstep/
	$(call fill,etc/inferstep.conf,$(DESTDIR)$(sysconfdir)/inferstep/inferstep.conf,644)
	$(INSTALL) -D -m 644 contrib/completions/inferstep $(DESTDIR)$(completionsdir)/inferstep
	$(INSTALL) -d $(DESTDIR)$(sysconfdir)/bash_completion.d
	$(call fill,contrib/completions/slurm,$(DESTDIR)$(sysconfdir)/bash_completion.d/inferstep-slurm,644)
	$(INSTALL) -m 644 README.md INSTALL NEWS SECURITY.md LICENSE $(DESTDIR)$(docdir)/
	$(INSTALL) -d $(DESTDIR)$(docdir)/examples && $(INSTALL) -m 644 contrib/sbatch/* contrib/apptainer/* etc/batteries/* $(DESTDIR)$(docdir)/examples/
	$(INSTALL) -d $(DESTDIR)$(docdir)/examples/stage && $(INSTALL) -m 644 etc/stage/* $(DESTDIR)$(docdir)/examples/stage/
	$(foreach page,$(PAGES),$(INSTALL) -D -m 644 $(page) $(DESTDIR)$(call page_path,$(page)) &&) true

# Of what we built, that is: libtorch stays as it is.
install-strip: install
	strip --strip-unneeded $(addprefix $(DESTDIR),$(bindir)/inferstep $(slurm_plugindir)/spank_infer.so $(libdir)/libinferclient.so.$(VERSION) \
	    $(addprefix $(pkglibdir)/,$(notdir $(LIBRARIES))))
	strip --strip-debug $(DESTDIR)$(libdir)/libinferclient.a

# The line in plugstack.conf goes first: with it and without the plugin every srun would fail.
uninstall:               ## disable the plugin and remove what install put there
	[ ! -x $(DESTDIR)$(sbindir)/inferstep-plugstack ] || $(DESTDIR)$(sbindir)/inferstep-plugstack disable --root "$(DESTDIR)"
	rm -f $(addprefix $(DESTDIR)$(bindir)/,inferstep inferstep-export) $(DESTDIR)$(sbindir)/inferstep-plugstack $(DESTDIR)$(slurm_plugindir)/spank_infer.so
	rm -f $(addprefix $(DESTDIR)$(libdir)/libinferclient,.so .so.0 .so.$(VERSION) .a) $(addprefix $(DESTDIR)$(includedir)/,$(notdir $(HEADERS)) inferclient.mod)
	rm -f $(foreach page,$(PAGES),$(DESTDIR)$(call page_path,$(page)))
	rm -f $(DESTDIR)$(completionsdir)/inferstep $(DESTDIR)$(sysconfdir)/bash_completion.d/inferstep-slurm
	rm -rf $(DESTDIR)$(pkglibdir) $(DESTDIR)$(docdir) $(DESTDIR)$(sysconfdir)/inferstep

enable:                  ## put the installed plugin's line into plugstack.conf (SETTINGS="statedir=/run/…")
	@$(DESTDIR)$(sbindir)/inferstep-plugstack enable --root "$(DESTDIR)" $(SETTINGS)

disable:                 ## take it out again
	@$(DESTDIR)$(sbindir)/inferstep-plugstack disable --root "$(DESTDIR)"

# --- Packages: the tree that `make install` makes, in the folders of a distribution.
torch_number   = $(shell sed -n 's/^.define TORCH_VERSION_$(1) *\([0-9]*\).*/\1/p' $(TORCH_HOME)/include/torch/headeronly/version.h $(TORCH_HOME)/include/torch/csrc/api/include/torch/version.h 2>/dev/null | head -n 1)
TORCH_VERSION  = $(call torch_number,MAJOR).$(call torch_number,MINOR).$(call torch_number,PATCH)
export SOURCE_DATE_EPOCH ?= $(shell git -C $(CURDIR) log -1 --format=%ct 2>/dev/null || date +%s)
# What a packager prints is read when it fails.
quietly        = >$(1) 2>&1 || { cat $(1); exit 1; }

dist: $(BUILD)/inferstep-$(VERSION).tar.gz ## the committed sources as $(BUILD)/inferstep-$(VERSION).tar.gz
$(BUILD)/inferstep-$(VERSION).tar.gz: FORCE
	$(Q)mkdir -p $(@D)
	$(Q)git archive --prefix=inferstep-$(VERSION)/ HEAD | gzip -n >$@
.PHONY: FORCE

deb: all                 ## Debian packages in $(BUILD)/deb, for this machine's Slurm release
	$(Q)rm -rf $(BUILD)/deb && mkdir -p $(BUILD)/deb
	$(Q)$(MAKE) --no-print-directory install-strip DESTDIR=$(abspath $(BUILD))/deb/tree prefix=/usr libdir=/usr/lib/$(MULTIARCH) \
	    pkglibdir=/usr/lib/inferstep sysconfdir=/etc LINK='cp -fL' $(call quietly,$(BUILD)/deb/install.log)
	$(Q)contrib/deb/build $(abspath $(BUILD))/deb/tree $(BUILD)/deb $(VERSION) $(SLURM_RELEASE) $(slurm_plugindir) $(TORCH_VERSION) \
	    $(call quietly,$(BUILD)/deb/build.log)
	@ls $(BUILD)/deb/*.deb

# In place: what is built already is not built again. On a machine of another family rpm knows no packages: --nodeps.
rpm: all                 ## RPM packages in $(BUILD)/rpm, likewise
	$(Q)rm -rf $(BUILD)/rpm && mkdir -p $(BUILD)/rpm
	$(Q)rpmbuild -bb --build-in-place --nodeps contrib/rpm/inferstep.spec --define "_topdir $(abspath $(BUILD))/rpm" \
	    --define "_rpmdir $(abspath $(BUILD))/rpm" --define "_rpmfilename %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm" \
	    --define "inferstep_version $(VERSION)" --define "slurm_release $(SLURM_RELEASE)" --define "torch_version $(TORCH_VERSION)" \
	    --define "slurm_plugindir $(slurm_plugindir)" --define "build_folder $(abspath $(BUILD))" \
	    $(call quietly,$(BUILD)/rpm/build.log)
	@ls $(BUILD)/rpm/*.rpm

# What detection found, for tests: make print-SLURM_RELEASE
print-%:
	@echo '$($*)'
