/* inferclient: talk to an inference database (Redis with the module inferdb, or RedisAI) from C.
 *
 *     inferclient *c = NULL;
 *     if (inferclient_connect(&c, NULL, 0) != INFERCLIENT_OK) { … inferclient_error(c) … }
 *
 * Every function returns INFERCLIENT_OK (0) or what went wrong; inferclient_error() then has the sentence. Nothing
 * waits for ever: a database that is gone or hangs gives an error within the timeout. A handle is one connection, for
 * one thread at a time; after a failure of the connection the next call connects anew. Strings end in NUL and are
 * copied; tensor data is in C order (the last dimension is contiguous), little endian. Link with -linferclient.
 */
#ifndef INFERCLIENT_H
#define INFERCLIENT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct inferclient inferclient;

typedef enum {
    INFERCLIENT_OK = 0,
    INFERCLIENT_USAGE = 1,      /* an argument is wrong: nothing was sent */
    INFERCLIENT_CONNECTION = 2, /* nobody listens, or the connection broke */
    INFERCLIENT_TIMEOUT = 3,    /* no answer in time */
    INFERCLIENT_SERVER = 4,     /* the database answered with an error */
    INFERCLIENT_MISMATCH = 5    /* the answer is not what was asked for: type, size or form */
} inferclient_code;

typedef enum {
    INFERCLIENT_FLOAT32 = 0,
    INFERCLIENT_FLOAT64 = 1,
    INFERCLIENT_INT8 = 2,
    INFERCLIENT_INT16 = 3,
    INFERCLIENT_INT32 = 4,
    INFERCLIENT_INT64 = 5,
    INFERCLIENT_UINT8 = 6,
    INFERCLIENT_UINT16 = 7,
    INFERCLIENT_BOOL = 8
} inferclient_type;

/* A tensor in memory of the caller. */
typedef struct {
    const char* key;
    inferclient_type type;
    int rank;             /* number of dimensions, at least 1 */
    const int64_t* shape; /* rank of them */
    const void* data;
} inferclient_tensor;

/* Connect to `endpoint` (unix:///path or tcp://host:port; NULL: the environment variable SSDB). `timeout_ms` is the
 * limit of every later call, 0 for 60 s. *client is always set, also when this fails, so that inferclient_error() can
 * tell why; give it to inferclient_free() in any case. (NULL only when there is no memory.) */
int inferclient_connect(inferclient** client, const char* endpoint, int timeout_ms);
void inferclient_free(inferclient* client); /* NULL is allowed */

/* What went wrong in the last call with this handle; "" when nothing did. Valid until the next call. */
const char* inferclient_error(const inferclient* client);

/* Store a tensor, replacing what lay under its key. */
int inferclient_put_tensor(inferclient* client, const inferclient_tensor* tensor);
/* Fetch a tensor into `data`, which has room for `bytes`. One of another type or size is an error. */
int inferclient_get_tensor(inferclient* client, const char* key, inferclient_type type, void* data, size_t bytes);
/* Memory for a tensor that the caller writes into and then puts with commit: where client and database share memory,
 * nothing is copied; elsewhere this is ordinary memory and committing sends it. Aligned to 64 bytes; it lives until it
 * is committed or discarded, or the client is freed, and must not be written any more once it is committed. */
int inferclient_reserve_tensor(inferclient* client, inferclient_type type, int rank, const int64_t* shape, void** data);
int inferclient_commit_tensor(inferclient* client, const char* key, const void* data);
int inferclient_discard_tensor(inferclient* client, const void* data);
int inferclient_tensor_exists(inferclient* client, const char* key, int* exists);
int inferclient_delete_tensor(inferclient* client, const char* key);
int inferclient_delete_tensors(inferclient* client, const char* const* keys, int count); /* in one command */

/* Run a model on tensors in the database; its outputs stay there. `timeout_ms` 0: the limit given to connect. */
int inferclient_run_model(inferclient* client, const char* model, const char* const* inputs, int input_count,
                          const char* const* outputs, int output_count, int timeout_ms);
/* put, run and get in one round trip. */
int inferclient_infer(inferclient* client, const char* model, const inferclient_tensor* input, const char* output_key,
                      inferclient_type output_type, void* output, size_t output_bytes, int timeout_ms);

/* Store a TorchScript model from memory or from a file. `device`: "CPU", "GPU" or "GPU:n". `batch_size` > 1: requests
 * of several clients run together, up to so many. */
int inferclient_set_model(inferclient* client, const char* name, const void* file, size_t bytes, const char* device,
                          int batch_size);
int inferclient_set_model_from_file(inferclient* client, const char* name, const char* path, const char* device,
                                    int batch_size);
int inferclient_model_exists(inferclient* client, const char* name, int* exists);
int inferclient_delete_model(inferclient* client, const char* name);

/* Store a script: TorchScript functions that take and give tensors. `device` as for a model. */
int inferclient_set_script(inferclient* client, const char* name, const char* source, const char* device);
int inferclient_set_script_from_file(inferclient* client, const char* name, const char* path, const char* device);
/* The source of a stored script, with a NUL at its end, into `buffer` of `size` bytes; *length is that of the source,
 * also when it does not fit (INFERCLIENT_USAGE). */
int inferclient_get_script(inferclient* client, const char* name, char* buffer, size_t size, size_t* length);
int inferclient_script_exists(inferclient* client, const char* name, int* exists);
int inferclient_delete_script(inferclient* client, const char* name);
/* Run a function of a script as inferclient_run_model() runs a model. */
int inferclient_run_script(inferclient* client, const char* name, const char* function, const char* const* inputs,
                           int input_count, const char* const* outputs, int output_count, int timeout_ms);

/* Several steps in one round trip. Tensors that steps pass on leave nothing in the database, except those that
 * inferclient_dag_persist() names; inferclient_dag_load() brings tensors from there. A mistake in a step is told by
 * inferclient_dag_run(), which may be called again and again: the memory of tensors that are put and fetched is
 * referred to, shapes and names are copied. NULL only when there is no memory. */
typedef struct inferclient_dag inferclient_dag;
inferclient_dag* inferclient_dag_new(void);
void inferclient_dag_free(inferclient_dag* dag); /* NULL is allowed */
void inferclient_dag_load(inferclient_dag* dag, const char* key);
void inferclient_dag_persist(inferclient_dag* dag, const char* key);
void inferclient_dag_put_tensor(inferclient_dag* dag, const inferclient_tensor* tensor);
void inferclient_dag_get_tensor(inferclient_dag* dag, const char* key, inferclient_type type, void* data, size_t bytes);
void inferclient_dag_run_model(inferclient_dag* dag, const char* model, const char* const* inputs, int input_count,
                               const char* const* outputs, int output_count);
void inferclient_dag_run_script(inferclient_dag* dag, const char* name, const char* function, const char* const* inputs,
                                int input_count, const char* const* outputs, int output_count);
int inferclient_dag_run(inferclient* client, const inferclient_dag* dag, int timeout_ms);

int inferclient_ping(inferclient* client);

#ifdef __cplusplus
}
#endif
#endif
