// What a C code does with SmartRedis. Its header c_client.h is C++, so the functions are declared here as C sees them.
// Usage: client MODEL.pt, whose model doubles
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { no_error = 0, type_float = 2, contiguous = 2 };

int SimpleCreateClient(const char* logger, size_t logger_length, void** client);
int DeleteCClient(void** client);
int put_tensor(void* client, const char* name, size_t length, void* data, const size_t* dims, size_t rank, int type,
               int layout);
int get_tensor(void* client, const char* name, size_t length, void** data, size_t** dims, size_t* rank, int* type,
               int layout);
int unpack_tensor(void* client, const char* name, size_t length, void* result, const size_t* dims, size_t rank,
                  int type, int layout);
int tensor_exists(void* client, const char* name, size_t length, bool* exists);
int delete_tensor(void* client, const char* name, size_t length);
int set_model_from_file(void* client, const char* name, size_t length, const char* file, size_t file_length,
                        const char* backend, size_t backend_length, const char* device, size_t device_length, int batch,
                        int min_batch, int min_timeout, const char* tag, size_t tag_length, const char** inputs,
                        const size_t* input_lengths, size_t n_inputs, const char** outputs,
                        const size_t* output_lengths, size_t n_outputs);
int run_model(void* client, const char* name, size_t length, const char** inputs, const size_t* input_lengths,
              size_t n_inputs, const char** outputs, const size_t* output_lengths, size_t n_outputs);

static void hold(bool condition, const char* what) {
    if (!condition) {
        printf("not so: %s\n", what);
        exit(1);
    }
}

int main(int argc, char** argv) {
    void* db = NULL;
    hold(argc == 2 && SimpleCreateClient("c", 1, &db) == no_error, "SimpleCreateClient");
    float x[6] = {1, 2, 3, 4, 5, 6};
    float y[6] = {0};
    const size_t dims[2] = {3, 2}, flat[1] = {6};
    hold(put_tensor(db, "c.x", 3, x, dims, 2, type_float, contiguous) == no_error, "put_tensor");
    hold(unpack_tensor(db, "c.x", 3, y, flat, 1, type_float, contiguous) == no_error, "unpack_tensor");
    hold(memcmp(x, y, sizeof x) == 0, "the tensor comes back");

    const char *in = "c.x", *out = "c.y", *none = "";
    const size_t in_length = 3, out_length = 3, none_length = 0;
    hold(set_model_from_file(db, "c.m", 3, argv[1], strlen(argv[1]), "TORCH", 5, "CPU", 3, 0, 0, 0, "", 0, &none,
                             &none_length, 0, &none, &none_length, 0) == no_error,
         "set_model_from_file");
    hold(run_model(db, "c.m", 3, &in, &in_length, 1, &out, &out_length, 1) == no_error, "run_model");
    void* data = NULL;
    size_t *shape = NULL, rank = 0;
    int type = 0;
    hold(get_tensor(db, "c.y", 3, &data, &shape, &rank, &type, contiguous) == no_error, "get_tensor");
    hold(rank == 2 && shape[0] == 3 && shape[1] == 2 && type == type_float, "its shape and type");
    for (int i = 0; i < 6; ++i) {
        hold(((float*)data)[i] == 2 * x[i], "the model doubles");
    }
    hold(run_model(db, "none", 4, &in, &in_length, 1, &out, &out_length, 1) != no_error,
         "a model that is not there is an error");
    bool there = true;
    hold(delete_tensor(db, "c.x", 3) == no_error && tensor_exists(db, "c.x", 3, &there) == no_error && !there,
         "delete_tensor");
    hold(DeleteCClient(&db) == no_error, "DeleteCClient");
    puts("ok");
    return 0;
}
