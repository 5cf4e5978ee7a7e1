// What a C++ code does with SmartRedis. Usage: client MODEL.pt, whose model doubles
#include "client.h"

#include <cstdio>
#include <cstdlib>

namespace {

void hold(bool condition, const char* what) {
    if (!condition) {
        std::printf("not so: %s\n", what);
        std::exit(1);
    }
}

}  // namespace

int main(int argc, char** argv) {
    hold(argc == 2, "one argument");
    SmartRedis::Client db("cpp");
    const std::vector<std::size_t> dims = {2, 3};
    std::vector<double> x = {1, 2, 3, 4, 5, 6};
    std::vector<double> y(6);
    db.put_tensor("cpp.x", x.data(), dims, SRTensorTypeDouble, SRMemLayoutContiguous);
    db.unpack_tensor("cpp.x", y.data(), {6}, SRTensorTypeDouble, SRMemLayoutContiguous);
    hold(x == y, "the tensor comes back");

    db.set_model_from_file("cpp.m", argv[1], "TORCH", "CPU");
    db.run_model("cpp.m", {"cpp.x"}, {"cpp.y"});
    db.unpack_tensor("cpp.y", y.data(), {6}, SRTensorTypeDouble, SRMemLayoutContiguous);
    for (std::size_t i = 0; i < x.size(); ++i) {
        hold(y[i] == 2 * x[i], "the model doubles");
    }
    const std::string_view stored = db.get_model("cpp.m");
    hold(stored.substr(0, 2) == "PK", "get_model");

    db.set_script("cpp.s", "CPU", "def twice(x):\n    return x * 2\n");
    db.run_script("cpp.s", "twice", {"cpp.x"}, {"cpp.z"});
    db.unpack_tensor("cpp.z", y.data(), {6}, SRTensorTypeDouble, SRMemLayoutContiguous);
    hold(y[5] == 2 * x[5], "the script doubles");

    SmartRedis::DataSet sent("cpp.set");
    sent.add_tensor("t", x.data(), dims, SRTensorTypeDouble, SRMemLayoutContiguous);
    sent.add_meta_string("words", "first");
    db.put_dataset(sent);
    db.append_to_list("cpp.list", sent);
    SmartRedis::DataSet got = db.get_dataset("cpp.set");
    got.unpack_tensor("t", y.data(), {6}, SRTensorTypeDouble, SRMemLayoutContiguous);
    hold(x == y && got.get_meta_strings("words").front() == "first", "the data set comes back");
    hold(db.get_list_length("cpp.list") == 1, "a list");

    bool failed = false;
    try {
        db.run_model("nothing", {"cpp.x"}, {"cpp.y"});
    } catch (const SmartRedis::Exception&) {
        failed = true;
    }
    hold(failed, "a model that is not there is an error");
    db.delete_list("cpp.list");
    db.delete_dataset("cpp.set");
    db.delete_tensor("cpp.x");
    hold(!db.tensor_exists("cpp.x"), "delete_tensor");
    std::puts("ok");
    return 0;
}
