#include "redis_host.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

#include "redis_functions.hpp"

extern "C" int RedisModule_OnLoad(inferstep::redis::Context*, inferstep::redis::String**, int);

namespace inferstep::fuzz {
namespace {

using namespace std::chrono_literals;
using redis::Blocked;
using redis::Context;
using redis::String;

constexpr auto kPatience = 5ms;  // then its time limit passes, and then the client goes away
constexpr auto kNever = 20s;     // then something hangs
std::vector<Blocked*> waiting;   // clients, of this thread

// The words of a command as Redis gives them to the module.
class Arguments {
   public:
    explicit Arguments(const std::vector<std::string>& words) {
        for (const std::string& word : words) {
            strings_.push_back(make_string(word));
        }
        redis::FilterContext context{strings_};
        if (server().filter != nullptr) {
            server().filter(&context);
        }
        strings_ = context.words;
    }
    ~Arguments() { std::for_each(strings_.begin(), strings_.end(), free_string); }
    Arguments(const Arguments&) = delete;
    Arguments& operator=(const Arguments&) = delete;
    String** data() { return strings_.data(); }
    int count() const { return static_cast<int>(strings_.size()); }
    std::string name() const {
        std::string text = strings_.front()->text;
        std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
        return text;
    }

   private:
    std::vector<String*> strings_;
};

bool wait_for(Blocked* client, std::chrono::milliseconds time) {
    std::unique_lock lock(server().answers);
    return server().answered.wait_for(lock, time, [client] { return client->answered; });
}

void fire_timers() {
    const std::lock_guard turn(server().turn);
    Context context;
    while (!server().timers.empty()) {
        const Timer timer = server().timers.begin()->second;
        server().timers.erase(server().timers.begin());
        timer.fired(&context, timer.data);
    }
}

void go_away(Blocked* client) {
    client->gone = true;
    const std::lock_guard turn(server().turn);
    {
        const std::lock_guard lock(server().answers);
        if (client->answered || client->disconnected == nullptr) {
            return;
        }
    }
    Context context;
    client->disconnected(&context, client);
}

// Until it is answered, and then what Redis does: the reply unless it has gone, and in any case the release.
void end(Blocked* client) {
    if (!wait_for(client, kPatience)) {
        fire_timers();
    }
    if (!wait_for(client, kPatience)) {
        go_away(client);
    }
    if (!wait_for(client, kNever)) {
        wrong("a client is never answered");
    }
    const std::lock_guard turn(server().turn);
    Context context;
    context.private_data = client->data;
    if (!client->gone) {
        client->reply(&context, nullptr, 0);
        if (!context.reply.complete()) {
            wrong("the reply to a client that waited is not one value");
        }
    }
    client->release(&context, client->data);
    delete client;
}

void end_all() {
    while (!waiting.empty()) {
        end(waiting.front());
        waiting.erase(waiting.begin());
    }
}

// A value out of bytes that a damaged image could hold.
void load_value(const std::vector<std::string>& words) {
    const auto type = words.size() == 4 ? server().types.find(words[2]) : server().types.end();
    if (type == server().types.end()) {
        return;
    }
    const std::lock_guard turn(server().turn);
    redis::Io io;
    io.bytes = words[3];
    io.name.text = words[1];
    if (void* data = type->second->methods.rdb_load(&io, type->second->encoding); data != nullptr) {
        Value& value = server().keys[words[1]];
        drop(value);
        value = {type->second, data};
    }
}

void call(const std::vector<std::string>& words, int flags, bool wait, bool gone) {
    Arguments arguments(words);
    const auto command = server().commands.find(arguments.name());
    if (command == server().commands.end()) {
        return;
    }
    std::unique_lock turn(server().turn);
    Context context;
    if (command->second.flags.find("getkeys") != std::string::npos) {
        context.wants_keys = true;
        command->second.function(&context, arguments.data(), arguments.count());
        for (const int key : context.keys) {
            if (key < 1 || key >= arguments.count()) {
                wrong("a key stands outside of the command");
            }
        }
        if (!context.reply.empty()) {
            wrong("a question for keys is answered");
        }
    }
    context = Context();
    context.flags = flags;
    command->second.function(&context, arguments.data(), arguments.count());
    if (context.blocked == nullptr ? !context.reply.complete() : !context.reply.empty()) {
        wrong("the reply is not one value:", words.front());
    }
    turn.unlock();
    if (context.blocked != nullptr) {
        waiting.push_back(context.blocked);
        if (gone) {
            go_away(context.blocked);
        }
    }
    if (wait) {
        end_all();
    }
}

// Every key, as an image holds it, read back.
void save_and_load() {
    for (auto& [name, value] : server().keys) {
        if (value.type == nullptr) {
            continue;
        }
        redis::Io io;
        io.name.text = name;
        value.type->methods.rdb_save(&io, value.data);
        value.type->methods.mem_usage(value.data);
        void* copy = value.type->methods.rdb_load(&io, value.type->encoding);
        if (copy == nullptr || io.at != io.bytes.size()) {
            wrong("a key does not come back from its image:", name);
        }
        value.type->methods.free(copy);
    }
}

}  // namespace

void start_host(const std::vector<std::string>& arguments) {
    Arguments words(arguments);
    Context context;
    context.lookup = lookup;
    if (RedisModule_OnLoad(&context, words.data(), words.count()) != redis::kOk) {
        wrong("the module does not load");
    }
    fire_timers();
}

void execute(const std::vector<std::string>& words) {
    std::vector<std::string> rest = words;
    int flags = 0;
    bool wait = true;
    bool gone = false;
    while (!rest.front().empty() && std::string("&*~^-").find(rest.front()[0]) != std::string::npos) {
        const char sign = rest.front()[0];
        flags |= sign == '*'   ? redis::kFlagMulti
                 : sign == '~' ? redis::kFlagLua
                 : sign == '^' ? redis::kFlagReplicated
                               : 0;
        wait = wait && sign != '&';
        gone = gone || sign == '-';
        rest.front().erase(0, 1);
    }
    if (rest.front() == "RDB-LOAD") {
        load_value(rest);
    } else if (rest.front() == "SET" && rest.size() == 2) {
        const std::lock_guard turn(server().turn);
        drop(server().keys[rest[1]]);
    } else {
        call(rest, flags, wait, gone);
    }
}

void finish() {
    end_all();
    {
        const std::lock_guard turn(server().turn);
        redis::Info info;
        server().info(&info, 0);
        save_and_load();
        for (auto& [name, value] : server().keys) {
            drop(value);
        }
        server().keys.clear();
    }
    for (int i = 0; server().strings != 0; ++i) {  // a worker may be about to let go of the last
        if (i == 2000) {
            wrong("strings are never freed:", std::to_string(server().strings));
        }
        std::this_thread::sleep_for(1ms);
    }
}

}  // namespace inferstep::fuzz
