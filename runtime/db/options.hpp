// What `inferstep db serve` and `inferstep run` are asked for: the words of the command line, and what they mean.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "core/step_request.hpp"
#include "db/client/inferclient.hpp"

namespace inferstep {

// The words as they were given, not yet looked at; empty: not given.
struct DbArguments {
    std::array<std::string, kOptions> option;  // those of core/step_options.hpp; of several models "a:x;b:y"
    std::array<std::string, kLimits> limit;    // the administrator's
    std::string statedir, cwd, redis, page_fd, life_fd;
};

enum class Device { automatic, cpu, gpu };
const char* device_word(Device device);  // "auto", "cpu", "gpu"

// One model to be loaded before the tasks start: NAME:PATH[,key=value…].
struct ModelSpec {
    std::string text;                  // as given
    std::string name;                  // its key in the database
    std::string path;                  // absolute
    std::string backend;               // TORCH or AOTI; empty: what the end of the name says
    std::string device;                // CPU, GPU or GPU:n; empty: what --device gives
    int batch_size = 0;                // requests are batched up to this many samples; 0: not batched
    int min_batch_size = 0;            // wait for at least this many …
    int min_batch_timeout = 0;         // … but no longer than this, in milliseconds
    int threads = 0;                   // of each execution; 0: the database's
    std::string precision;             // float32, bfloat16 or float16; empty: float32
    std::string sha256;                // what the file must have, 64 hex digits; empty: not checked
    std::vector<std::int64_t> warmup;  // shape of the input of the warm-up inference; empty: what the file says
    TensorType warmup_type = TensorType::float32;
};

// One script to be stored before the tasks start: NAME:PATH[,device=D], TorchScript source.
struct ScriptSpec {
    std::string text;    // as given
    std::string name;    // its key in the database
    std::string path;    // absolute
    std::string device;  // CPU, GPU or GPU:n; empty: what --device gives
};

// `inferstep db standard`: the databases of all nodes of the step are the shards of one, reached over TCP.
struct StandardOptions {
    int port = 6780;        // the first one tried
    std::string interface;  // empty: chosen
    bool authenticate = true;
};

// What happens when a database dies while the tasks run.
enum class DbFailure { fail, restart };

struct DbOptions {
    int instances = 0;  // --colocate; 0: no database
    int db_cpus = 0;    // 0: the planner's default
    int tpq = 1;
    bool pin_app = true;
    Device device = Device::automatic;
    int num_devices = 0;     // GPUs of the node for all databases; 0: those of the step
    bool tcp = false;        // beside the Unix sockets
    int port = 0;            // of the first database on TCP; 0: the first free one from kDefaultPort on
    std::string interface;   // where TCP is listened on; empty: lo
    bool tcp_secret = true;  // clients on TCP must know the step's secret
    DbFailure on_failure = DbFailure::fail;
    int timeout_s = 60;
    std::string cwd;     // where relative paths start
    std::string outdir;  // absolute; empty: not asked for
    std::string statedir = "/dev/shm";
    std::string redis;  // absolute path of redis-server
    std::vector<ModelSpec> models;
    std::vector<ScriptSpec> scripts;
    std::uint64_t memory = 0;  // bytes, of all databases of the node; 0: half of what the step may use
    std::optional<StandardOptions> standard;
    bool verbose = false;
    bool dry_run = false;
    int limit_cpus = 0;                       // percent of the step's CPUs on the node; 0: no limit
    int limit_memory = 0;                     // likewise
    std::string limit_model;                  // directories, separated by commas; empty: no limit
    std::array<std::string, kOptions> given;  // the words behind all this
};

// Errors name the option, show the word, and say what is accepted. A relative path is one below --cwd (default: the
// current directory).
Result<DbOptions> parse_db_options(const DbArguments& arguments);

// Those of `inferstep db standard`: always with a database, and with DbOptions::standard.
Result<DbOptions> parse_standard_options(DbArguments arguments);

// May clients on TCP go without a secret? The admin's file db.conf may say tcp_auth=required. `option` is how the
// message calls what asks for it.
Status check_site(bool secret, const std::string& option);

// The command line by which `inferstep db serve` gets the same options.
std::vector<std::string> as_arguments(const DbOptions& options);

// NAME:PATH[,key=value…]; `cwd` is where a relative PATH starts.
Result<ModelSpec> parse_model(const std::string& text, const std::string& cwd);

// NAME:PATH[,device=D]; likewise.
Result<ScriptSpec> parse_script(const std::string& text, const std::string& cwd);

}  // namespace inferstep
