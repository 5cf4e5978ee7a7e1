// inferclient: talk to an inference database (Redis with the module inferdb, or RedisAI) from C++20.
//
//     inferstep::Client client;
//     if (auto s = client.connect(); !s) { … s.message() … }      // the address is in SSDB
//     std::vector<float> image(3 * 224 * 224), scores(1000);
//     client.put_tensor("x", {1, 3, 224, 224}, image);
//     client.run_model("resnet50", {"x"}, {"y"});
//     client.get_tensor("y", scores);
//
// Needs this header and -linferclient only. Nothing throws except for lack of memory. Every call ends within its
// deadline: a database that is gone, hangs or answers nonsense gives a Status that names its address. After such a
// failure the connection is closed and the next call connects anew; a command is never sent twice by itself.
// On the database's own node tensors of 16 kB and more go through memory that client and database share (an arena), by
// the same calls and with the same effect: a put that has returned is seen by every later command of anybody. It costs
// a copy and no system call. One thing differs: when the database refuses such a put (no memory, a key of another type)
// the put has returned, and the client's next call gives the error. INFER_ARENA=no in the environment turns it off.
// A Client is one connection, for one thread at a time; make one per thread and, after a fork, per process.
//
// A cluster: with several addresses, or SR_DB_TYPE=Clustered, a Client connects to each shard that it needs. Models and
// scripts are stored on every shard, tensors where their key says, and what is run, is run where its first input lies,
// in one round trip when the other keys lie there too: keys with the same {tag} do.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#define INFERCLIENT_API __attribute__((visibility("default")))

namespace inferstep {

enum class TensorType : std::uint8_t { float32, float64, int8, int16, int32, int64, uint8, uint16, boolean };

INFERCLIENT_API std::size_t bytes_of(TensorType type);  // of one element
INFERCLIENT_API const char* name_of(TensorType type);   // as on the wire: FLOAT, DOUBLE, INT8, …

// What became of a call. True when it worked; otherwise message() is one sentence for a person.
class [[nodiscard]] ClientStatus {
   public:
    enum class Code : std::uint8_t {
        ok,
        usage,       // an argument is wrong: nothing was sent
        connection,  // nobody listens, or the connection broke
        timeout,     // no answer in time
        server,      // the database answered with an error
        mismatch,    // the answer is not what was asked for: type, size or form
    };
    ClientStatus() = default;
    ClientStatus(Code code, std::string message) : code_(code), message_(std::move(message)) {}

    explicit operator bool() const { return code_ == Code::ok; }
    Code code() const { return code_; }
    const std::string& message() const { return message_; }

   private:
    Code code_ = Code::ok;
    std::string message_;
};

// A tensor that owns its bytes: C order (the last dimension is contiguous), little endian.
struct Tensor {
    TensorType type = TensorType::float32;
    std::vector<std::int64_t> shape;
    std::vector<std::byte> data;
};

struct ConnectOptions {
    std::chrono::milliseconds connect_timeout{5'000};
    std::chrono::milliseconds command_timeout{60'000};  // of every call that names none; must be positive
};

struct ModelStoreOptions {
    std::string backend = "TORCH";
    std::string device = "CPU";  // CPU, GPU or GPU:n
    std::string tag;
    int batch_size = 0;  // requests of several clients are run together up to this many; 0: one by one
    int min_batch_size = 0;
    int min_batch_timeout_ms = 0;
    int threads = 0;                             // of each execution; 0: the database decides
    std::string precision;                       // float32 (as empty), bfloat16 or float16
    std::chrono::milliseconds timeout{120'000};  // to send, load and optimize it
};

// One tensor in memory of the caller.
struct TensorIn {
    std::string_view key;
    TensorType type = TensorType::float32;
    std::span<const std::int64_t> shape;
    const void* data = nullptr;
};
struct TensorOut {
    std::string_view key;
    TensorType type = TensorType::float32;
    void* data = nullptr;
    std::size_t bytes = 0;  // must be what the tensor has
};

template <typename T>
constexpr TensorType tensor_type() {
    if constexpr (std::is_same_v<T, float>) {
        return TensorType::float32;
    } else if constexpr (std::is_same_v<T, double>) {
        return TensorType::float64;
    } else if constexpr (std::is_same_v<T, bool>) {
        return TensorType::boolean;
    } else {
        static_assert(std::is_integral_v<T> && (std::is_signed_v<T> || sizeof(T) <= 2), "no tensor has this type");
        constexpr TensorType kSigned[] = {TensorType::int8, TensorType::int16, TensorType::int32, TensorType::int64};
        constexpr TensorType kUnsigned[] = {TensorType::uint8, TensorType::uint16};
        constexpr unsigned kPower = sizeof(T) == 8 ? 3 : sizeof(T) / 2;
        return std::is_signed_v<T> ? kSigned[kPower] : kUnsigned[kPower % 2];
    }
}

struct ScriptStoreOptions {
    std::string device = "CPU";  // CPU, GPU or GPU:n
    std::string tag;
    std::chrono::milliseconds timeout{60'000};  // to send and compile it
};

// Several steps in one round trip: client.run(Dag().put("x", {3}, v).run_model("m", {"x"}, {"y"}).get("y", w)).
// Tensors that steps pass on have names of the Dag's own and leave nothing in the database, except those that persist()
// names; load() brings tensors from there. A Dag may be run again; put() and get() refer to data of the caller, which
// must last as long. A mistake in a step is told by run(). In a cluster the keys of load() and persist() must lie on
// one shard: give them a common {tag}.
class INFERCLIENT_API Dag {
   public:
    Dag();
    ~Dag();
    Dag(Dag&&) noexcept;
    Dag& operator=(Dag&&) noexcept;

    Dag& load(std::string_view key);
    Dag& persist(std::string_view key);
    Dag& put(const TensorIn& tensor);
    template <typename Values>
    requires std::ranges::contiguous_range<Values> Dag& put(std::string_view key,
                                                            std::initializer_list<std::int64_t> shape,
                                                            const Values& values) {
        check_count(key, std::span(shape.begin(), shape.size()), std::ranges::size(values));
        return put({key, tensor_type<std::ranges::range_value_t<Values>>(), std::span(shape.begin(), shape.size()),
                    std::ranges::data(values)});
    }
    Dag& run_model(std::string_view model, const std::vector<std::string>& inputs,
                   const std::vector<std::string>& outputs);
    Dag& run_script(std::string_view script, std::string_view function, const std::vector<std::string>& inputs,
                    const std::vector<std::string>& outputs);
    Dag& get(const TensorOut& tensor);
    template <typename Values>
    requires std::ranges::contiguous_range<Values> Dag& get(std::string_view key, Values&& values) {
        using Value = std::ranges::range_value_t<Values>;
        return get({key, tensor_type<Value>(), std::ranges::data(values), std::ranges::size(values) * sizeof(Value)});
    }

   private:
    friend class Client;
    struct Impl;
    void check_count(std::string_view key, std::span<const std::int64_t> shape, std::size_t count);
    std::unique_ptr<Impl> impl_;
};

class INFERCLIENT_API Client {
   public:
    using Milliseconds = std::chrono::milliseconds;

    Client();
    ~Client();
    Client(Client&&) noexcept;
    Client& operator=(Client&&) noexcept;

    // `endpoint`: unix:///path, tcp://host:port or host:port, or several of these with commas between them, which are
    // shards of a cluster; empty: the value of the environment variable SSDB. The file that INFER_DB_SECRET_FILE
    // names, else INFER_DB_SECRET itself, has the password where the database wants one. Returns once the database has
    // answered.
    ClientStatus connect(std::string_view endpoint = {}, const ConnectOptions& options = {});
    const std::string& endpoint() const;  // as given to connect()

    // Store a tensor under a key, replacing what was there. `data` is sent from where it lies and is not kept.
    ClientStatus put_tensor(const TensorIn& tensor);
    // The same out of a vector, array, span, …: client.put_tensor("x", {2, 3}, values). It must have as many elements
    // as the shape says.
    template <typename Values>
    requires std::ranges::contiguous_range<Values> ClientStatus put_tensor(std::string_view key,
                                                                           std::span<const std::int64_t> shape,
                                                                           const Values& values) {
        if (ClientStatus s = check_count(key, shape, std::ranges::size(values)); !s) {
            return s;
        }
        return put_tensor({key, tensor_type<std::ranges::range_value_t<Values>>(), shape, std::ranges::data(values)});
    }
    template <typename Values>
    requires std::ranges::contiguous_range<Values> ClientStatus put_tensor(std::string_view key,
                                                                           std::initializer_list<std::int64_t> shape,
                                                                           const Values& values) {
        return put_tensor(key, std::span(shape.begin(), shape.size()), values);
    }

    // Fetch a tensor into memory of the caller. A tensor of another type or size is an error, and nothing is written;
    // when the connection fails midway, part of it may be.
    ClientStatus get_tensor(const TensorOut& tensor);
    template <typename Values>
    requires std::ranges::contiguous_range<Values> ClientStatus get_tensor(std::string_view key, Values&& values) {
        using Value = std::ranges::range_value_t<Values>;
        return get_tensor(
            {key, tensor_type<Value>(), std::ranges::data(values), std::ranges::size(values) * sizeof(Value)});
    }
    // Fetch a tensor of any type and shape.
    ClientStatus get_tensor(std::string_view key, Tensor& tensor);

    // Memory for a tensor that the caller writes into and then puts with commit_tensor(): where there is shared memory,
    // the database reads it there and nothing is copied; elsewhere this is ordinary memory and committing sends it.
    // It is aligned to 64 bytes, and lives until it is committed or discarded, or the Client goes. It must not be
    // written any more once it is committed. Without elements `data` is null.
    ClientStatus reserve_tensor(TensorType type, std::span<const std::int64_t> shape, void*& data);
    template <typename T>
    ClientStatus reserve_tensor(std::span<const std::int64_t> shape, std::span<T>& values) {
        void* data = nullptr;
        std::size_t count = 1;
        ClientStatus s = reserve_tensor(tensor_type<T>(), shape, data);
        for (const std::int64_t extent : shape) {
            count *= data != nullptr ? static_cast<std::size_t>(extent) : 0;
        }
        values = {static_cast<T*>(data), count};
        return s;
    }
    template <typename T>
    ClientStatus reserve_tensor(std::initializer_list<std::int64_t> shape, std::span<T>& values) {
        return reserve_tensor(std::span(shape.begin(), shape.size()), values);
    }
    ClientStatus commit_tensor(std::string_view key, const void* data);
    ClientStatus discard_tensor(const void* data);

    // Run a stored model on tensors that lie in the database and leave its outputs there. Zero: command_timeout.
    ClientStatus run_model(std::string_view model, const std::vector<std::string>& inputs,
                           const std::vector<std::string>& outputs, Milliseconds timeout = Milliseconds{0});

    // put_tensor, run_model and get_tensor in one round trip.
    ClientStatus infer(std::string_view model, const TensorIn& input, const TensorOut& output,
                       Milliseconds timeout = Milliseconds{0});

    // Store a model from the bytes of its file. Models longer than 511 MiB are sent in pieces.
    ClientStatus set_model(std::string_view name, std::span<const std::byte> file,
                           const ModelStoreOptions& options = {});
    // Fetch the file of a stored model.
    ClientStatus get_model(std::string_view name, std::vector<std::byte>& file);
    ClientStatus delete_model(std::string_view name);
    ClientStatus model_exists(std::string_view name, bool& exists);

    // Store a script: TorchScript functions that take and give tensors. The source is compiled before this returns.
    ClientStatus set_script(std::string_view name, std::string_view source, const ScriptStoreOptions& options = {});
    ClientStatus get_script(std::string_view name, std::string& source);
    ClientStatus delete_script(std::string_view name);
    ClientStatus script_exists(std::string_view name, bool& exists);
    // Run a function of a stored script as run_model() runs a model.
    ClientStatus run_script(std::string_view name, std::string_view function, const std::vector<std::string>& inputs,
                            const std::vector<std::string>& outputs, Milliseconds timeout = Milliseconds{0});

    // Run the steps in one round trip. The error names the step that failed; memory given to get() is then partly
    // filled at most.
    ClientStatus run(const Dag& dag, Milliseconds timeout = Milliseconds{0});

    ClientStatus delete_tensor(std::string_view key);  // one that is not there is no error
    // Several in one command (in a cluster: one for each slot).
    ClientStatus delete_tensors(const std::vector<std::string>& keys);
    ClientStatus tensor_exists(std::string_view key, bool& exists);

    ClientStatus ping();
    // What the database says of itself: Redis' INFO text of a section, or of all.
    ClientStatus info(std::string& text, std::string_view section = "everything");
    // Any other command; in a cluster it goes to the shard of its second word. Arrays are written one element a line.
    ClientStatus command(const std::vector<std::string>& words, std::string& answer,
                         Milliseconds timeout = Milliseconds{0});

   private:
    friend class Dag;
    struct Impl;
    static ClientStatus check_count(std::string_view key, std::span<const std::int64_t> shape, std::size_t count);
    std::unique_ptr<Impl> impl_;
};

}  // namespace inferstep
