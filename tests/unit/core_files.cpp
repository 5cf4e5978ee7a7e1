// File helpers and who we are in a step: what touches the file system and the environment.
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <initializer_list>

#include "check.hpp"
#include "core/file.hpp"
#include "core/secure_path.hpp"
#include "core/step.hpp"
#include "folder.hpp"
#include "suites.hpp"

namespace inferstep::test {
namespace {

// A directory of its own that goes with the test.
class TempDir {
   public:
    TempDir() : path_((std::filesystem::temp_directory_path() / "inferstep-unit-XXXXXX").string()) {
        CHECK(mkdtemp(path_.data()) != nullptr);
    }
    ~TempDir() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;
    std::string operator/(const char* name) const { return path_ + "/" + name; }
    const std::string& path() const { return path_; }

   private:
    std::string path_;
};

int files_in(const std::string& directory) {
    const auto entries = std::filesystem::directory_iterator(directory);
    return static_cast<int>(std::distance(begin(entries), end(entries)));
}

void files_come_back() {
    const TempDir dir;
    const std::string path = dir / "data";
    const std::string data("a\0b\n\xff", 5);
    CHECK(write_file(path, data));
    const Result<std::string> back = read_file(path);
    CHECK(back && *back == data);
    CHECK(write_file(path, "shorter"));
    CHECK(*read_file(path) == "shorter");
    CHECK_EQ(files_in(dir.path()), 1);
    struct stat st {};
    const mode_t mask = umask(0);
    umask(mask);
    CHECK(stat(path.c_str(), &st) == 0);
    CHECK_EQ(st.st_mode & 0777U, 0644U & ~mask);
    const std::string large((1 << 21) + 17, 'x');
    CHECK(write_file(path, large));
    CHECK(*read_file(path) == large);
}

void file_errors_name_the_path() {
    const TempDir dir;
    CHECK_FAILS(read_file(dir / "none"), (dir / "none") + ": No such file or directory");
    CHECK_FAILS(read_file(dir.path()), "cannot read " + dir.path() + ": Is a directory");
    CHECK_FAILS(write_file(dir / "no/file", "x"), "no/file: No such file or directory");
    CHECK(write_file(dir / "plain", "x"));
    CHECK_FAILS(make_directories(dir / "plain/below"), "plain/below");
    CHECK_FAILS(sha256_of_file(dir / "none"), "none: No such file");
    CHECK_FAILS(LineFile::create(dir / "no/log"), "no/log: No such file");
}

void directories_are_made() {
    const TempDir dir;
    CHECK(make_directories(dir / "a/b/c"));
    CHECK(make_directories(dir / "a/b/c"));
    CHECK(std::filesystem::is_directory(dir / "a/b/c"));
    CHECK_EQ(absolute_path("/a/./b/../c"), "/a/c");
    CHECK_EQ(absolute_path("x"), std::filesystem::current_path().string() + "/x");
}

void lines_are_appended() {
    const TempDir dir;
    const std::string path = dir / "log";
    Result<LineFile> file = LineFile::create(path);
    if (!CHECK(file)) {
        return;
    }
    file->line("one");
    CHECK_EQ(*read_file(path), "one\n");
    file->line("two");
    CHECK(file->finish());
    CHECK_EQ(*read_file(path), "one\ntwo\n");
    CHECK(LineFile::create(path));
    CHECK_EQ(*read_file(path), "");
}

void full_disk_is_an_error() {
    Result<LineFile> file = LineFile::create("/dev/full");
    if (!CHECK(file)) {
        return;
    }
    file->line("lost");
    file->line("lost too");
    CHECK_FAILS(file->finish(), "cannot write /dev/full: No space left on device");
}

void checksums_are_right() {
    const TempDir dir;
    const std::string path = dir / "data";
    CHECK(write_file(path, "abc"));
    CHECK_EQ(*sha256_of_file(path), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(write_file(path, ""));
    CHECK_EQ(*sha256_of_file(path), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(write_file(path, std::string(1'000'000, 'a')));
    CHECK_EQ(*sha256_of_file(path), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

void random_words_differ() {
    const Result<std::string> a = random_hex(16);
    const Result<std::string> b = random_hex(16);
    CHECK(a && b && *a != *b);
    CHECK_EQ(a->size(), 32U);
    CHECK(a->find_first_not_of("0123456789abcdef") == std::string::npos);
}

constexpr const char* kVariables[] = {
    "SLURM_JOB_ID",    "SLURM_STEP_ID",       "SLURM_PROCID", "SLURM_LOCALID",        "SLURM_NODEID",
    "SLURM_NTASKS",    "SLURM_NNODES",        "INFER_RANK",   "SLURM_STEP_NUM_TASKS", "SLURM_STEP_NUM_NODES",
    "SLURMD_NODENAME", "SLURM_RESTART_COUNT", "INFER_RANKS",  "INFER_RUN_ID",         "SLURM_STEP_TASKS_PER_NODE"};

// Sets these variables and no other of those that tell who we are; the test program needs none of them.
StepIdentity identity_with(std::initializer_list<std::pair<const char*, const char*>> variables) {
    for (const char* name : kVariables) {
        unsetenv(name);
    }
    for (const auto& [name, value] : variables) {
        setenv(name, value, 1);
    }
    const StepIdentity id = step_identity();
    for (const auto& [name, value] : variables) {
        unsetenv(name);
    }
    return id;
}

void slurm_step_is_known() {
    const StepIdentity id = identity_with({{"SLURM_JOB_ID", "1234"},
                                           {"SLURM_STEP_ID", "5"},
                                           {"SLURM_PROCID", "7"},
                                           {"SLURM_LOCALID", "0"},
                                           {"SLURM_NODEID", "3"},
                                           {"SLURM_STEP_NUM_TASKS", "8"},
                                           {"SLURM_STEP_NUM_NODES", "4"},
                                           {"SLURM_NTASKS", "99"},
                                           {"SLURM_STEP_TASKS_PER_NODE", "2(x3),1"},
                                           {"SLURMD_NODENAME", "n3"}});
    CHECK(id.slurm);
    CHECK_EQ(step_name(id), "1234.5");
    CHECK_EQ(id.rank, 7);
    CHECK_EQ(id.ranks, 8);
    CHECK_EQ(id.local_ranks, 1);
    CHECK_EQ(id.node_index, 3);
    CHECK_EQ(id.nodes, 4);
    CHECK_EQ(id.node, "n3");
}

void tasks_of_a_node_are_counted() {
    const struct {
        const char* text;
        const char* node;
        int tasks;
    } table[] = {{"4", "0", 4},     {"2(x3)", "2", 2},   {"2(x3),1", "3", 1},
                 {"1,2,3", "1", 2}, {"2(x3),1", "9", 1}, {"garbage", "0", 1},
                 {"0(x2)", "0", 1}, {"", "0", 1},        {"8(x2),4(x2)", "2", 4}};
    for (const auto& row : table) {
        const StepIdentity id = identity_with({{"SLURM_JOB_ID", "1"},
                                               {"SLURM_STEP_ID", "0"},
                                               {"SLURM_NODEID", row.node},
                                               {"SLURM_STEP_TASKS_PER_NODE", row.text}});
        CHECK_IN(fmt::format("'{}' at node {}", row.text, row.node), id.local_ranks == row.tasks);
    }
}

void requeued_job_has_a_name_of_its_own() {
    const StepIdentity id =
        identity_with({{"SLURM_JOB_ID", "9"}, {"SLURM_STEP_ID", "0"}, {"SLURM_RESTART_COUNT", "2"}});
    CHECK_EQ(step_name(id), "9.0.r2");
    CHECK_EQ(step_name(identity_with({{"SLURM_JOB_ID", "9"}, {"SLURM_STEP_ID", "0"}, {"SLURM_RESTART_COUNT", "0"}})),
             "9.0");
}

void without_slurm_we_are_local() {
    const StepIdentity alone = identity_with({});
    CHECK(!alone.slurm);
    CHECK_EQ(step_name(alone), fmt::format("local.{}", getpid()));
    CHECK_EQ(alone.ranks, 1);
    CHECK(!alone.node.empty());
    const StepIdentity run = identity_with({{"INFER_RANK", "2"}, {"INFER_RANKS", "4"}, {"INFER_RUN_ID", "77"}});
    CHECK_EQ(step_name(run), "local.77");
    CHECK_EQ(run.rank, 2);
    CHECK_EQ(run.ranks, 4);
    // `inferstep run` inside a job is a step of its own, and so is a batch script, which has no step.
    CHECK(!identity_with({{"SLURM_JOB_ID", "1"}, {"SLURM_STEP_ID", "0"}, {"INFER_RANK", "0"}}).slurm);
    CHECK(!identity_with({{"SLURM_JOB_ID", "1"}}).slurm);
}

void tails_of_plain_files_alone() {
    const Folder dir;
    CHECK(write_file(dir / "file", "0123456789"));
    CHECK_EQ(*read_tail(dir / "file", 4), "6789");
    CHECK_EQ(*read_tail(dir / "file", 100), "0123456789");
    std::filesystem::create_symlink(dir / "file", dir / "link");
    CHECK_EQ(mkfifo((dir / "pipe").c_str(), 0600), 0);
    CHECK_FAILS(read_tail(dir / "link", 4), "link: Too many levels of symbolic links");
    CHECK_FAILS(read_tail(dir / "pipe", 4), "pipe: it is no plain file");
    CHECK_FAILS(read_tail(dir.path(), 4), "it is no plain file");
    CHECK_FAILS(read_tail("/dev/zero", 4), "it is no plain file");
    CHECK_FAILS(read_tail(dir / "none", 4), "none: No such file");
}

// Programs that an administrator names: nobody but root may be able to change what the path leads to.
void secure_paths() {
    const Folder dir;
    const auto verdict = [](const std::string& path) {
        Problem why;
        return is_secure_path(path.c_str(), why) ? std::string("secure") : std::string(why.text);
    };
    const auto chmod_to = [](const std::string& path, mode_t mode) { CHECK_EQ(chmod(path.c_str(), mode), 0); };
    CHECK_EQ(verdict("/"), "secure");
    CHECK_EQ(verdict("/nowhere/at/all"), "secure");
    CHECK_IN("too long", verdict("/" + std::string(5000, 'x')).ends_with("is too long"));
    if (geteuid() != 0) {
        CHECK_EQ(verdict(dir.path()), fmt::format("{} belongs to user {}, not to root", dir.path(), geteuid()));
        return;
    }
    const std::string bin = dir / "bin";
    const std::string program = bin + "/program";
    const std::string link = dir / "link";
    std::filesystem::create_directory(bin);
    std::filesystem::create_symlink(program, link);
    CHECK(write_file(program, "#!/bin/sh\n"));
    chmod_to(bin, 0755);
    CHECK_EQ(verdict(program), "secure");
    CHECK_EQ(verdict(link), "secure");
    chmod_to(program, 0757);
    CHECK_EQ(verdict(program), fmt::format("others than root can write {}", program));
    chmod_to(program, 0755);
    chmod_to(bin, 0777);
    CHECK_EQ(verdict(link), fmt::format("others than root can write {}", bin));
    chmod_to(bin, 01777);
    CHECK_EQ(verdict(link), "secure");
    CHECK_EQ(chown(program.c_str(), 65534, 0), 0);
    CHECK_EQ(verdict(link), fmt::format("{} belongs to user 65534, not to root", program));
    CHECK_EQ(chown(program.c_str(), 0, 65534), 0);
    chmod_to(program, 0775);
    CHECK_EQ(verdict(program), fmt::format("others than root can write {}", program));
    chmod_to(program, 0755);
    CHECK_EQ(lchown(link.c_str(), 65534, 65534), 0);
    CHECK_EQ(verdict(link), fmt::format("{} belongs to user 65534, not to root", link));
}

CU_TestInfo kTests[] = {{"files come back as written, atomically", files_come_back},
                        {"errors name the path", file_errors_name_the_path},
                        {"directories are made", directories_are_made},
                        {"lines are appended one write each", lines_are_appended},
                        {"a full disk is an error", full_disk_is_an_error},
                        {"SHA-256 is right", checksums_are_right},
                        {"random words differ", random_words_differ},
                        {"a Slurm step is known by its variables", slurm_step_is_known},
                        {"the tasks of a node are counted", tasks_of_a_node_are_counted},
                        {"a requeued job has a name of its own", requeued_job_has_a_name_of_its_own},
                        {"without Slurm we are local", without_slurm_we_are_local},
                        {"S4: the tail is that of a plain file", tails_of_plain_files_alone},
                        {"S3: a program that others can change is not secure", secure_paths},
                        CU_TEST_INFO_NULL};

}  // namespace

CU_SuiteInfo kFilesSuite = suite("core files", kTests);

}  // namespace inferstep::test
