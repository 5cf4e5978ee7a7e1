// Attaching to a standard database: what the option accepts, what an address file must be, and what a job of one runs.
#include <sys/stat.h>

#include "check.hpp"
#include "core/attach.hpp"
#include "core/file.hpp"
#include "db/address.hpp"
#include "db/options.hpp"
#include "db/standard_cluster.hpp"
#include "db/standard_submit.hpp"
#include "folder.hpp"
#include "suites.hpp"

namespace inferstep::test {
namespace {

void steps_and_addresses_are_accepted() {
    for (const char* word : {"12.0", "12.3.r1", "local.4711", "10.0.0.1:6780", "a:1,b:2", "node-1.site:6780"}) {
        CHECK_IN(word, is_attach_word(word));
    }
    // Nothing that leads out of the directory of address files, and nothing for a shell.
    for (const char* word : {"", "12", "../12.0", "/etc/passwd", "..", ".", ".hidden.0", "1.0/../2.0", ":1", ",a:1",
                             "a:1;b", "a:$(b)", "a:1 b:2", "a:`b`", "a:'b'"}) {
        CHECK_IN(word, !is_attach_word(word));
    }
}

void address_files_are_read_back() {
    const Folder folder;
    CHECK(write_address(folder.path() + "/7.0", {{"10.0.0.1:6780", "10.0.0.2:6781"}, "topsecret"}));
    Attachment a;
    Problem why;
    CHECK(find_database("7.0", folder.path().c_str(), nullptr, a, why));
    CHECK_EQ(std::string(a.endpoints), "10.0.0.1:6780,10.0.0.2:6781");
    CHECK_EQ(std::string(a.type), "Clustered");
    CHECK_EQ(std::string(a.secret_file), folder.path() + "/7.0/secret");
    CHECK_EQ(*read_file(a.secret_file), "topsecret");
    struct stat st {};
    CHECK(stat(a.secret_file, &st) == 0 && (st.st_mode & 0777) == 0600);
    CHECK_EQ(as_exports(a),
             "export SSDB='10.0.0.1:6780,10.0.0.2:6781'\nexport SR_DB_TYPE='Clustered'\n"
             "export SR_SOCKET_TIMEOUT='600000'\nexport INFER_DB_SECRET_FILE='" +
                 folder.path() + "/7.0/secret'\n");
    CHECK(as_exports(a).find("topsecret") == std::string::npos);
    CHECK(write_address(folder.path() + "/8.0", {{"10.0.0.1:6780"}, ""}));
    Attachment open;
    CHECK(find_database("8.0", folder.path().c_str(), nullptr, open, why));
    CHECK_EQ(std::string(open.secret_file), "");
}

void other_files_are_refused() {
    const Folder folder;
    const std::string file = folder.path() + "/7.0/address";
    const auto refused = [&](const std::string& words) {
        Attachment a;
        Problem why;
        const bool found = find_database("7.0", folder.path().c_str(), nullptr, a, why);
        CHECK_IN(why.text, !found && std::string(why.text).find(words) != std::string::npos);
    };
    refused("there is no database 7.0 to attach to");
    CHECK(write_address(folder.path() + "/7.0", {{"h:1"}, ""}));
    CHECK(chmod(file.c_str(), 0640) == 0);
    refused("a file of yours that nobody else can read");
    for (const char* text : {"", "nonsense", "SSDB=\nSR_DB_TYPE=Clustered\n", "SSDB=h:1\nSR_DB_TYPE=Other\n"}) {
        CHECK(write_file(file, text, 0600));
        refused("it is no address file");
    }
    CHECK(rename(file.c_str(), (file + "2").c_str()) == 0 && symlink("address2", file.c_str()) == 0);
    refused("cannot attach to 7.0");
}

void all_slots_are_shared_out() {
    for (const int shards : {1, 2, 3, 7, 128}) {
        CHECK_EQ(lowest_slot(0, shards), 0);
        CHECK_EQ(lowest_slot(shards, shards), 16'384);
        for (int i = 0; i < shards; ++i) {
            const int size = lowest_slot(i + 1, shards) - lowest_slot(i, shards);
            CHECK_IN(fmt::format("{} of {}", i, shards), size == 16'384 / shards || size == 16'384 / shards + 1);
        }
    }
}

void a_job_quotes_its_words() {
    const std::string script = standard_script("/a b/inferstep", {"--model=it's:$HOME/x.pt"});
    CHECK(script.find(R"('/a b/inferstep' db standard '--model=it'\''s:$HOME/x.pt')") != std::string::npos);
}

void scripts_have_a_name_and_a_file() {
    const Result<ScriptSpec> script = parse_script("pre:a/pre.py,device=gpu:1", "/w");
    if (!CHECK(script)) {
        return;
    }
    CHECK_EQ(script->name + " " + script->path + " " + script->device, "pre /w/a/pre.py GPU:1");
    for (const char* text : {"", "pre", ":x", "pre:", "pre:x,foo=1", "pre:x,device=cpu,device=cpu", "pre:x,device="}) {
        CHECK_FAILS(parse_script(text, "/w"), "--infer-script");
    }
}

CU_TestInfo kTests[] = {{"steps and addresses are accepted", steps_and_addresses_are_accepted},
                        {"address files are read back", address_files_are_read_back},
                        {"other files are refused", other_files_are_refused},
                        {"all slots are shared out", all_slots_are_shared_out},
                        {"a job quotes its words", a_job_quotes_its_words},
                        {"scripts have a name and a file", scripts_have_a_name_and_a_file},
                        CU_TEST_INFO_NULL};

}  // namespace

CU_SuiteInfo kAttachSuite = suite("standard database", kTests);

}  // namespace inferstep::test
