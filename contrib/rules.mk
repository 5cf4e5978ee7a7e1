# Installing, packages, and the plugin's line in plugstack.conf. Included by the Makefile.
.PHONY: install install-strip uninstall enable disable

# What we install: each list once, for install and uninstall.
LIBRARIES := $(addprefix $(PKG)/,inferdb.so libinferstep_torch.so libinferstep_standin.so libinferstep_fortran.so)
HEADERS   := runtime/db/client/inferclient.hpp runtime/db/client/inferclient.h runtime/db/client/inferclient.f90 $(FORTRAN_INC)
PAGES     := $(wildcard man/*.[1-8])
page_path  = $(mandir)/man$(lastword $(subst ., ,$(1)))/$(notdir $(1))

# A script or a configuration file with the paths of this installation between the @ signs: $(call fill,source,target,mode)
fill = sed -e 's,@plugin@,$(slurm_plugindir)/spank_infer.so,;s,@program@,$(bindir)/inferstep,;s,@slurm_conf@,$(SLURM_CONF),' $(1) >$(2) && chmod $(3) $(2)

install: all             ## install below $(DESTDIR)$(prefix); activates nothing on a cluster
	$(INSTALL) -d $(addprefix $(DESTDIR),$(bindir) $(sbindir) $(pkglibdir)/torch $(libdir) $(includedir) $(slurm_plugindir) $(sysconfdir)/inferstep $(docdir) $(mandir))
	$(INSTALL) $(BIN) $(DESTDIR)$(bindir)/
	$(INSTALL) -m 755 $(LIBRARIES) $(DESTDIR)$(pkglibdir)/
	for f in $(PKG)/torch/*.so*; do ln -fL $$f $(DESTDIR)$(pkglibdir)/torch/ 2>/dev/null || cp -fL $$f $(DESTDIR)$(pkglibdir)/torch/; done
	$(INSTALL) -m 644 $(LIB)/libinferclient.so $(LIB)/libinferclient.a $(DESTDIR)$(libdir)/
	ln -sf libinferclient.so $(DESTDIR)$(libdir)/libinferclient.so.0
	$(INSTALL) -m 644 $(HEADERS) $(BUILD)/include/inferclient.mod $(DESTDIR)$(includedir)/
	$(INSTALL) -m 644 $(SPANK) $(DESTDIR)$(slurm_plugindir)/.spank_infer.so.new
	mv $(DESTDIR)$(slurm_plugindir)/.spank_infer.so.new $(DESTDIR)$(slurm_plugindir)/spank_infer.so
	$(call fill,contrib/admin/inferstep-plugstack,$(DESTDIR)$(sbindir)/inferstep-plugstack,755)
	$(call fill,contrib/admin/epilog,$(DESTDIR)$(pkglibdir)/epilog,755)
	$(INSTALL) -m 644 etc/db.conf $(DESTDIR)$(sysconfdir)/inferstep/
	$(call fill,etc/inferstep.conf,$(DESTDIR)$(sysconfdir)/inferstep/inferstep.conf,644)
	$(INSTALL) -m 644 README.md INSTALL NEWS SECURITY.md LICENSE $(DESTDIR)$(docdir)/
	$(foreach page,$(PAGES),$(INSTALL) -D -m 644 $(page) $(DESTDIR)$(call page_path,$(page)) &&) true

uninstall:               ## remove what install put there
	rm -f $(DESTDIR)$(bindir)/inferstep $(DESTDIR)$(sbindir)/inferstep-plugstack $(DESTDIR)$(slurm_plugindir)/spank_infer.so
	rm -f $(addprefix $(DESTDIR)$(libdir)/libinferclient,.so .so.0 .a) $(addprefix $(DESTDIR)$(includedir)/,$(notdir $(HEADERS)) inferclient.mod)
	rm -f $(foreach page,$(PAGES),$(DESTDIR)$(call page_path,$(page)))
	rm -rf $(DESTDIR)$(pkglibdir) $(DESTDIR)$(docdir) $(DESTDIR)$(sysconfdir)/inferstep

enable:                  ## put the installed plugin's line into plugstack.conf (SETTINGS="statedir=/run/…")
	@$(DESTDIR)$(sbindir)/inferstep-plugstack enable $(SETTINGS)

disable:                 ## take it out again; do so before uninstall
	@$(DESTDIR)$(sbindir)/inferstep-plugstack disable
