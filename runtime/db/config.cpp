#include "db/config.hpp"

#include <algorithm>

#include "core/file.hpp"

namespace inferstep {
namespace {

constexpr int kNodeTimeoutMs = 10'000;  // after which the others call a silent shard lost

// What a client may do: what SmartRedis and our own client send, and what a person needs to look around. Nothing that
// runs code (EVAL, FUNCTION, MODULE, DEBUG), moves data elsewhere (REPLICAOF, MIGRATE, DUMP, RESTORE), watches others
// (MONITOR, ACL, CLIENT LIST) or ends the server (SHUTDOWN).
constexpr const char* kClientCommands[] = {
    // connection
    "auth", "hello", "ping", "echo", "select", "quit", "reset", "client|setname", "client|getname", "client|id",
    // about the server
    "info", "command", "dbsize", "time", "cluster|slots", "cluster|shards", "cluster|nodes", "cluster|info",
    "cluster|keyslot", "cluster|myid", "asking", "readonly", "readwrite", "config|get", "lastsave",
    // keys
    "exists", "del", "unlink", "rename", "copy", "type", "keys", "scan", "expire", "ttl", "flushdb", "save",
    // strings, hashes (datasets) and lists (of datasets)
    "get", "set", "mget", "mset", "strlen", "incr", "hset", "hmset", "hget", "hmget", "hgetall", "hexists", "hdel",
    "hlen", "hkeys", "lpush", "rpush", "lrange", "llen", "lindex", "lrem", "ltrim",
    // the module's
    "ai.tensorset", "ai.tensorget", "ai.modelstore", "ai.modelset", "ai.modelget", "ai.modeldel", "ai.modelexecute",
    "ai.modelrun", "ai._shard", "ai._modelscan", "ai.scriptstore", "ai.scriptset", "ai.scriptget", "ai.scriptdel",
    "ai.scriptexecute", "ai.scriptrun", "ai._scriptscan", "ai.dagexecute", "ai.dagexecute_ro", "ai.dagrun",
    "ai.dagrun_ro", "ai._arena", "ai._arenaget", "ai.info", "ai.config", "ai._configset"};

// A word of redis.conf in quotes, as its parser reads them back.
std::string quoted(const std::string& word) {
    std::string out = "\"";
    for (const char c : word) {
        if (static_cast<unsigned char>(c) < 0x20) {
            out += fmt::format("\\x{:02x}", c);
            continue;
        }
        if (c == '"' || c == '\\') {
            out += '\\';
        }
        out += c;
    }
    return out + "\"";
}

// Redis' I/O threads spin: they pay only where CPUs are plenty, and cost 2-5 times the speed where there is one.
int io_threads(int cpus) { return cpus >= 32 ? 4 : cpus >= 16 ? 2 : 1; }

// One that is started again opens its port last: where it will listen is said at once.
// A shard announces the address that it was told, and a slot without its shard is an error, not an empty answer.
// Without a secret Redis' own protected mode would refuse everybody from elsewhere.
std::string network_lines(const RedisSettings& s) {
    const Network& n = s.network;
    if (n.address.empty()) {
        return "# no TCP\nport 0\n";
    }
    std::string lines = fmt::format(
        "# TCP on one interface\nport {}\nbind {}\ntcp-backlog 4096\nprotected-mode {}\n"
        "# whose it is shows in the list of processes\nproc-title-template \"{{title}} {{listen-addr}} "
        "{{unixsocket}}\"\n",
        n.port, n.address, n.secret.empty() ? "no" : "yes");
    if (n.cluster) {
        lines += fmt::format(
            "# one shard of several\ncluster-enabled yes\ncluster-config-file {}\ncluster-announce-ip {}\n"
            "cluster-require-full-coverage yes\ncluster-node-timeout {}\n",
            quoted(s.socket.substr(s.socket.rfind('/') + 1) + ".nodes"), n.address, kNodeTimeoutMs);
    }
    return lines;
}

// Redis is told the secrets' checksums: not even its memory has them.
std::string access_rules(const RedisSettings& s) {
    std::string client = fmt::format("user default on {} resetchannels ~* -@all",
                                     s.network.secret.empty() ? "nopass" : "#" + sha256_of(s.network.secret));
    for (const char* command : kClientCommands) {
        client += fmt::format(" +{}", command);
    }
    return client + fmt::format("\nuser {} on #{} ~* &* +@all\n", kSupervisorUser, sha256_of(s.password));
}

}  // namespace

std::uint64_t arena_share(const RedisSettings& s) { return s.arena_socket.empty() ? 0 : s.max_memory / 4; }

std::string render_redis_conf(const RedisSettings& s) {
    const int threads = std::max(1, s.cpus / s.tpq);
    std::string conf;
    const auto line = [&conf](const std::string& why, const std::string& setting) {
        conf += fmt::format("# {}\n{}\n", why, setting);
    };
    line("a Unix socket in a directory of mode 0700", "unixsocket " + quoted(s.socket) + "\nunixsocketperm 700");
    conf += network_lines(s);
    line("the supervisor owns this process and restarts nothing behind its back", "daemonize no\nsupervised no");
    line("the log is this process' output, a file of the state directory", "logfile \"\"\nloglevel notice");
    line("where an explicit SAVE writes; it is removed with the step", "dir " + quoted(s.directory));
    line("nothing is written to disk unasked", "save \"\"\nappendonly no");
    line("the databases of the node share half of the step's memory, less a quarter for arenas; beyond it writes fail",
         fmt::format("maxmemory {}\nmaxmemory-policy noeviction", s.max_memory - arena_share(s)));
    line("a model is one command: its chunks together may be as large as the memory",
         fmt::format("client-query-buffer-limit {}", std::max<std::uint64_t>(s.max_memory, 1ULL << 30U)));
    line("nothing is given back (MALLOC_CONF): the thread for that would interrupt a forward 200 times",
         "jemalloc-bg-thread no");
    line("from the reserved CPUs", fmt::format("io-threads {}", io_threads(s.cpus)));
    line("a crash leaves its trace at once, and does not first test all memory", "crash-memcheck-enabled no");
    line("no command can load a module, change a protected setting or debug the server",
         "enable-module-command no\nenable-protected-configs no\nenable-debug-command no");
    line(
        "the inference module: worker threads per device, threads of each, where models run, what they may take of "
        "memory",
        fmt::format("loadmodule {} TPQ {} THREADS {} DEVICE {} MAXTORCH {}", quoted(s.module), s.tpq, threads,
                    device_word(s.device), s.max_torch) +
            (arena_share(s) > 0 ? fmt::format(" ARENA {} ARENASOCKET {}", arena_share(s), quoted(s.arena_socket))
                                : "") +
            (s.network.secret.empty() ? "" : " TRUSTSOCKET yes"));
    line("clients get an explicit list of commands; the supervisor's secret is known to nobody else", access_rules(s));
    return conf;
}

}  // namespace inferstep
