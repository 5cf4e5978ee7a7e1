// AI.MODELSTORE: the model is loaded, optimized and warmed up before it is stored.
#include "inferdb/commands.hpp"
#include "inferdb/engine.hpp"
#include "inferdb/keys.hpp"
#include "inferdb/loading.hpp"
#include "inferdb/model_parse.hpp"

namespace inferstep::command {
namespace {

int store(Context* context, String** argv, int argc, ModelForm form, const char* command) {
    if (argc < 6) {
        return redis::WrongArity(context);
    }
    auto parsed = parse_model(Args(argv, argc, 2), form);
    if (!parsed) {
        return reply_error(context, parsed.error());
    }
    auto model = std::make_shared<StoredModel>(std::move(parsed->definition), parsed->blob, std::move(parsed->owner));
    model->name = text_of(argv[1]);
    Loading loading;
    loading.command = command;
    loading.check = check_model_key;
    loading.is_there = [model](Context* in, String* key) {
        const auto existing = find_model(in, key);
        return existing && (*existing)->ready && !(*existing)->runaway &&
               (*existing)->definition == model->definition && (*existing)->blob == model->blob;
    };
    loading.load = [model] { return engine().load(*model); };
    loading.store = [model](Context* in, String* key) { return store_model(in, key, model); };
    return load_and_store(context, argv, argc, std::move(loading));
}

}  // namespace

// AI.MODELSTORE key TORCH device [TAG t] [BATCHSIZE n] [MINBATCHSIZE n] [MINBATCHTIMEOUT ms] [THREADS n]
//   [PRECISION p] [INPUTS n name…] [OUTPUTS n name…] BLOB piece…
int model_store(Context* context, String** argv, int argc) {
    return store(context, argv, argc, ModelForm::counted, "AI.MODELSTORE");
}

// AI.MODELSET key TORCH device [TAG t] [BATCHSIZE n] [MINBATCHSIZE n] [INPUTS name…] [OUTPUTS name…] BLOB piece…
int model_set(Context* context, String** argv, int argc) {
    return store(context, argv, argc, ModelForm::uncounted, "AI.MODELSET");
}

// AI._MODELFILE key AOTI device [as AI.MODELSTORE] SHA256 hex FILE path
int model_file(Context* context, String** argv, int argc) {
    return store(context, argv, argc, ModelForm::file, "AI._MODELFILE");
}

}  // namespace inferstep::command
