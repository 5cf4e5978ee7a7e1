// What the supervisor of a node is made of: configuration, statistics, state directory, page, GPUs, records.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "check.hpp"
#include "core/file.hpp"
#include "db/config.hpp"
#include "db/memory.hpp"
#include "db/node_record.hpp"
#include "db/page_map.hpp"
#include "db/state_dir.hpp"
#include "db/statistics.hpp"
#include "folder.hpp"
#include "suites.hpp"

namespace inferstep::test {
namespace {

RedisSettings settings() {
    RedisSettings s = {"/dev/shm/d", "/dev/shm/d/db0.sock",  "/lib/inferdb.so", "secret", 4, 2,
                       Device::cpu,  std::uint64_t{8} << 30U};
    s.max_torch = std::uint64_t{1} << 30U;
    return s;
}

std::string line_of(const std::string& conf, const std::string& start) {
    std::istringstream lines(conf);
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with(start)) {
            return line;
        }
    }
    return {};
}

void the_configuration_says_what_was_asked() {
    const std::string conf = render_redis_conf(settings());
    CHECK_EQ(line_of(conf, "port"), "port 0");
    CHECK_EQ(line_of(conf, "unixsocket "), "unixsocket \"/dev/shm/d/db0.sock\"");
    CHECK_EQ(line_of(conf, "unixsocketperm"), "unixsocketperm 700");
    CHECK_EQ(line_of(conf, "save"), "save \"\"");
    CHECK_EQ(line_of(conf, "maxmemory "), "maxmemory 8589934592");
    CHECK_EQ(line_of(conf, "maxmemory-policy"), "maxmemory-policy noeviction");
    CHECK_EQ(line_of(conf, "io-threads"), "io-threads 1");
    CHECK_EQ(line_of(conf, "loadmodule"),
             "loadmodule \"/lib/inferdb.so\" TPQ 2 THREADS 2 DEVICE cpu MAXTORCH 1073741824");
    CHECK_EQ(line_of(conf, "enable-module-command"), "enable-module-command no");
    CHECK_EQ(line_of(conf, "user supervisor"),
             "user supervisor on #2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b ~* &* +@all");
    CHECK_EQ(arena_share(settings()), 0U);
    RedisSettings shared = settings();
    shared.arena_socket = "/dev/shm/d/db0.arena";
    CHECK_EQ(line_of(render_redis_conf(shared), "maxmemory "), "maxmemory 6442450944");
    CHECK(line_of(render_redis_conf(shared), "loadmodule")
              .ends_with("DEVICE cpu MAXTORCH 1073741824 ARENA 2147483648 ARENASOCKET \"/dev/shm/d/db0.arena\""));
    RedisSettings other = settings();
    other.cpus = 1;
    other.tpq = 4;
    CHECK(line_of(render_redis_conf(other), "loadmodule").ends_with("TPQ 4 THREADS 1 DEVICE cpu MAXTORCH 1073741824"));
    other.cpus = 32;
    CHECK_EQ(line_of(render_redis_conf(other), "io-threads"), "io-threads 4");
}

void tcp_has_a_secret_that_no_line_tells() {
    const std::string closed = render_redis_conf(settings());
    CHECK(line_of(closed, "user default").starts_with("user default on nopass "));
    CHECK_EQ(line_of(closed, "bind"), "");
    RedisSettings open = settings();
    open.network = {"127.0.0.1", 6780, false, "topsecret"};
    const std::string conf = render_redis_conf(open);
    CHECK_EQ(line_of(conf, "port"), "port 6780");
    CHECK_EQ(line_of(conf, "bind"), "bind 127.0.0.1");
    CHECK_EQ(line_of(conf, "protected-mode"), "protected-mode yes");
    CHECK(line_of(conf, "loadmodule").ends_with(" TRUSTSOCKET yes"));
    CHECK(line_of(conf, "user default")
              .starts_with("user default on #53336a676c64c1396553b2b7c92f38126768827c93b64d9142069c10eda7a721 "));
    CHECK(conf.find("topsecret") == std::string::npos);
    open.network.port = 0;  // until it is ready again
    CHECK_EQ(line_of(render_redis_conf(open), "port"), "port 0");
    CHECK_EQ(line_of(render_redis_conf(open), "bind"), "bind 127.0.0.1");
    open.network.secret.clear();
    CHECK_EQ(line_of(render_redis_conf(open), "protected-mode"), "protected-mode no");
    CHECK(line_of(render_redis_conf(open), "loadmodule").find("TRUSTSOCKET") == std::string::npos);
}

void a_path_cannot_add_a_setting() {
    RedisSettings evil = settings();
    evil.socket = "/a\"b\\c\nport 6379\r";
    const std::string conf = render_redis_conf(evil);
    CHECK_EQ(line_of(conf, "unixsocket "), "unixsocket \"/a\\\"b\\\\c\\x0aport 6379\\x0d\"");
    CHECK_EQ(line_of(conf, "port"), "port 0");
}

void clients_get_a_list_and_no_category() {
    const std::string rules = line_of(render_redis_conf(settings()), "user default");
    CHECK(rules.find(" -@all +") != std::string::npos);
    CHECK(rules.find("+@") == std::string::npos);
    for (const char* forbidden :
         {"module",  "eval",    "evalsha", "function", "script",      "debug",        "replicaof", "slaveof",
          "restore", "dump",    "migrate", "shutdown", "acl",         "bgrewriteaof", "monitor",   "sync",
          "psync",   "config ", "client ", "cluster ", "client|list", "client|kill"}) {
        CHECK_IN(forbidden, rules.find(fmt::format(" +{}", forbidden)) == std::string::npos);
    }
}

void info_is_summarized() {
    const Json s = summarize_info(
        "# Server\r\nredis_version:7.0.15\r\nrun_id:abc\r\n\r\n# Memory\r\nused_memory_peak:1000\r\n# Commandstats\r\n"
        "cmdstat_ai.tensorset:calls=2,usec=31,usec_per_call=15.50,rejected_calls=0,failed_calls=1\r\n# inferdb\r\n"
        "inferdb_backend:torch 2.11.0\r\ninferdb_workers:2\r\n"
        "inferdb_model_net:device=CPU,calls=7,mean_batch=1.5\r\nrubbish\r\n");
    CHECK_EQ(s.text("redis_version"), "7.0.15");
    CHECK(!s.has("run_id"));
    CHECK_EQ(s.number("used_memory_peak"), 1000.0);
    const Json command = s.copy_of("commands").copy_of("ai.tensorset");
    CHECK_EQ(command.number("calls"), 2.0);
    CHECK_EQ(command.number("usec_per_call"), 15.5);
    CHECK_EQ(s.copy_of("module").text("backend"), "torch 2.11.0");
    CHECK_EQ(s.copy_of("module").number("workers"), 2.0);
    const Json model = s.copy_of("models").copy_of("net");
    CHECK_EQ(model.text("device"), "CPU");
    CHECK_EQ(model.number("calls"), 7.0);
}

void a_state_directory_is_private_and_goes() {
    const Folder folder;
    Result<StateDir> made = StateDir::create(folder.path(), "9.0", "node", "db63.sock");
    if (!CHECK(made)) {
        return;
    }
    struct stat st {};
    CHECK(stat(made->path().c_str(), &st) == 0);
    CHECK_EQ(st.st_mode & 07777U, 0700U);
    CHECK(made->path().ends_with("-9.0-node"));
    CHECK(made->create_file("db0.log"));
    CHECK_FAILS(made->create_file("db0.log"), "File exists");
    // It is in use: neither swept nor given to another.
    CHECK_EQ(sweep_state_dirs(folder.path(), "node"), 0);
    Result<StateDir> second = StateDir::create(folder.path(), "9.0", "node", "db63.sock");
    CHECK(second && second->path() != made->path() && second->path().starts_with(made->path() + "-"));
    made->remove();
    made->remove();
    CHECK(!std::filesystem::exists(made->path()));
    // One whose owner is dead is swept, also one with a random ending; other nodes' stay.
    const std::string dead = second->path();
    { const StateDir gone = std::move(*second); }
    CHECK(std::filesystem::exists(dead));
    CHECK_EQ(sweep_state_dirs(folder.path(), "other"), 0);
    CHECK_EQ(sweep_state_dirs(folder.path(), "node"), 1);
    CHECK(std::filesystem::is_empty(folder.path()));
}

void a_page_is_checked() {
    Result<MappedPage> made = MappedPage::create(3);
    if (!CHECK(made)) {
        return;
    }
    CHECK_EQ((*made)->task_count, 3U);
    CHECK(ftruncate(made->fd(), 10) != 0);  // sealed
    set_text((*made)->message, std::string(5000, 'x'));
    CHECK_EQ(std::string((*made)->message).size(), sizeof(Page::message) - 1);
    CHECK(MappedPage::open(UniqueFd(dup(made->fd()))));
    (*made)->task_count = 4;  // more than there is room for
    CHECK_FAILS(MappedPage::open(UniqueFd(dup(made->fd()))), "no page of a step");
    (*made)->task_count = 3;
    (*made)->version = kPageVersion + 1;
    CHECK_FAILS(MappedPage::open(UniqueFd(dup(made->fd()))),
                fmt::format("has version {} of the shared page", kPageVersion + 1));
    CHECK_FAILS(MappedPage::open(UniqueFd(open("/dev/null", O_RDWR | O_CLOEXEC))), "no page of a step");
    CHECK_FAILS(MappedPage::open(UniqueFd()), "--page-fd");
}

void records_go_where_they_are_told() {
    const Folder folder;
    DbOptions options;
    StepIdentity id;
    id.job = "12";
    id.step = "3";
    CHECK_EQ(record_directory(options, id, folder.path()), "");
    CHECK(write_file(folder / "outdir", "relative\n"));
    CHECK_EQ(record_directory(options, id, folder.path()), "");
    CHECK(write_file(folder / "outdir", "/there/12.3\n"));
    CHECK_EQ(record_directory(options, id, folder.path()), "/there/12.3");
    options.outdir = "/records";
    id.restart = 2;
    CHECK_EQ(record_directory(options, id, folder.path()), "/records/12.3.r2");
}

void the_memory_limit_is_the_machine_s_or_less() {
    const auto pages = static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES));
    CHECK(memory_limit() > 0);
    CHECK(memory_limit() <= pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)));
}

CU_TestInfo kTests[] = {{"the configuration says what was asked", the_configuration_says_what_was_asked},
                        {"TCP has a secret that no line tells", tcp_has_a_secret_that_no_line_tells},
                        {"a path cannot add a setting", a_path_cannot_add_a_setting},
                        {"clients get a list and no category", clients_get_a_list_and_no_category},
                        {"INFO is summarized", info_is_summarized},
                        {"a state directory is private and goes", a_state_directory_is_private_and_goes},
                        {"a page is checked", a_page_is_checked},

                        {"records go where they are told", records_go_where_they_are_told},
                        {"the memory limit is the machine's or less", the_memory_limit_is_the_machine_s_or_less},
                        CU_TEST_INFO_NULL};

}  // namespace

CU_SuiteInfo kDbNodeSuite = suite("db node", kTests);

}  // namespace inferstep::test
